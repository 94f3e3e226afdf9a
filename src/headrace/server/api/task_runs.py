"""Routes about task runs."""

from __future__ import annotations

from fastapi import APIRouter

from headrace.server.api.answers import TaskRunAnswer
from headrace.server.api.requests import TaskRunPage, TaskRunsWanted
from headrace.server.api.run_routes import RunRoutes

router = APIRouter(prefix="/task_runs", tags=["Task runs"])

RunRoutes("task", TaskRunsWanted, TaskRunPage, TaskRunAnswer, goes="its history, log lines and artifacts").add_to(
    router
)
