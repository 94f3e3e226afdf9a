"""Serving deployments: their flows run in this process, each time that a schedule is due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.core.overlaps import checked_limit
from headrace.deployments.attending import Server
from headrace.deployments.runner import RunnerDeployment
from headrace.drive.attendants import attended, refuse_in_loop
from headrace.drive.world import current_world

__all__ = ["aserve", "serve"]


def serve(
    *deployments: RunnerDeployment,
    pause_on_shutdown: bool = True,
    print_starting_message: bool = True,
    limit: int | None = None,
    timeout: float | None = None,
) -> None:
    """Run the flows of these deployments when they are due, until SIGINT or SIGTERM.

    Each run has a thread of this process; at most `limit` runs are at work at a time (None: any number). When it is
    told to stop it begins no more, waits for those at work, and returns; a second signal ends those too.
    `pause_on_shutdown`: what would have been due by the time of the next `serve` is not made up for; False: the first
    of it is, once. `print_starting_message` says what is served, in the log. `timeout`: stop after so many seconds.

    Raises RuntimeError in async code, TypeError for what is no deployment, ValueError for none, for two of one name,
    and for a `limit` below 1.
    """
    refuse_in_loop()
    _server(deployments, pause_on_shutdown, print_starting_message, limit).run(timeout)


async def aserve(
    *deployments: RunnerDeployment,
    pause_on_shutdown: bool = True,
    print_starting_message: bool = True,
    limit: int | None = None,
    timeout: float | None = None,
) -> None:
    """Do as `serve`, in a thread; cancelling it is as good as a signal."""
    server = _server(deployments, pause_on_shutdown, print_starting_message, limit)
    await attended(lambda: server.run(timeout), server.stop)


def _server(deployments: Sequence[Any], pauses: bool, announces: bool, limit: int | None) -> Server:
    return Server(current_world(), _checked(deployments), checked_limit(limit), pauses, announces)


def _checked(deployments: Sequence[Any]) -> Sequence[RunnerDeployment]:
    if not deployments:
        raise ValueError("There is nothing to serve: write serve(my_flow.to_deployment('nightly', cron='0 2 * * *')).")
    for deployment in deployments:
        if not isinstance(deployment, RunnerDeployment):
            raise TypeError(f"What is served is made by my_flow.to_deployment('name', ...), and {deployment!r} is not.")
    full = [deployment.full_name for deployment in deployments]
    twice = sorted({name for name in full if full.count(name) > 1})
    if twice:
        raise ValueError(f"Two deployments are called {', '.join(map(repr, twice))}: give one of them another name.")
    return deployments
