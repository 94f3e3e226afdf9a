"""Strategies for Hypothesis: retry policies, scripts of attempts, states, parameters, run names.

Their arguments say what is valid, default to all of it, and are checked when a strategy is made.
"""

from .faults import Fault, FaultPlan, fault_plans
from .names import RunName, run_names
from .parameters import parameters
from .policies import Policy, RetryOn, retry_policies
from .schedules import schedules
from .scripts import Outcome, Script, outcomes
from .states import states

__all__ = [
    "Fault",
    "FaultPlan",
    "Outcome",
    "Policy",
    "RetryOn",
    "RunName",
    "Script",
    "fault_plans",
    "outcomes",
    "parameters",
    "retry_policies",
    "run_names",
    "schedules",
    "states",
]
