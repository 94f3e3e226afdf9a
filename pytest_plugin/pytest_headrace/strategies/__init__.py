"""Strategies for Hypothesis: retry policies, scripts of attempts, states, parameters, run names.

Their arguments say what is valid, default to all of it, and are checked when a strategy is made.
"""

from .names import RunName, run_names
from .parameters import parameters
from .policies import Policy, RetryOn, retry_policies
from .scripts import Outcome, Script, outcomes
from .states import states

__all__ = [
    "Outcome",
    "Policy",
    "RetryOn",
    "RunName",
    "Script",
    "outcomes",
    "parameters",
    "retry_policies",
    "run_names",
    "states",
]
