"""A flow run as a pytest file: its tasks are stubbed with what came of them, its history is asserted."""

from headrace.client.as_test.reading import NotATest
from headrace.client.as_test.writing import copy_as_test

__all__ = ["NotATest", "copy_as_test"]
