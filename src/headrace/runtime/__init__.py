"""What a run can ask about itself: `flow_run`, `task_run`, `deployment`; outside a run, empty values."""

from headrace.runtime import deployment, flow_run, task_run

__all__ = ["deployment", "flow_run", "task_run"]
