"""Letting user code follow virtual time: the functions of `time`, `datetime`, locks, conditions and threads.

What is replaced, while somebody is on virtual time, dispatches at each use: threads that take part get the virtual
version, all others, and callers that belong to the test run (pytest, Hypothesis, logging, ...), the real one.
"""

from headrace.testing.following.install import following

__all__ = ["following"]
