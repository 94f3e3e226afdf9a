"""Where every page is: the one place that writes addresses."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from headrace.store.protocol import RunKind


class Urls:
    """Addresses of pages; what is None or empty does not become a part of one."""

    def __init__(self, version: str) -> None:
        self._version = version

    def dashboard(self, **query: Any) -> str:
        """Return where the dashboard is."""
        return _with("/", query)

    def runs(self, **query: Any) -> str:
        """Return where the list of runs is."""
        return _with("/runs", query)

    def run(self, kind: RunKind, run_id: UUID, **query: Any) -> str:
        """Return where one run is."""
        return _with(f"/runs/{kind}-run/{run_id}", query)

    def log(self, kind: RunKind, run_id: UUID, **query: Any) -> str:
        """Return where the log of a run is as text."""
        return _with(f"/runs/{kind}-run/{run_id}/log.txt", query)

    def act(self, run_id: UUID, action: str) -> str:
        """Return where a form about a flow run is sent: cancel, record-cancelled."""
        return f"/runs/flow-run/{run_id}/{action}"

    def as_test(self, run_id: UUID) -> str:
        """Return where a flow run is shown as a test."""
        return f"/runs/flow-run/{run_id}/as-test"

    def test_file(self, run_id: UUID) -> str:
        """Return where a flow run is as a file with a test."""
        return f"/runs/flow-run/{run_id}/test.py"

    def delete(self, **query: Any) -> str:
        """Return where somebody is asked whether runs are to be deleted, and where that is done."""
        return _with("/runs/delete", query)

    def flows(self, **query: Any) -> str:
        """Return where the list of flows is."""
        return _with("/flows", query)

    def concurrency(self) -> str:
        """Return where the concurrency limits are."""
        return "/concurrency"

    def artifacts(self, **query: Any) -> str:
        """Return where artifacts are."""
        return _with("/artifacts", query)

    def variables(self, **query: Any) -> str:
        """Return where variables are."""
        return _with("/variables", query)

    def feed(self, **query: Any) -> str:
        """Return where states are told of as runs enter them."""
        return _with("/api/events/stream", query)

    def static(self, name: str) -> str:
        """Return where a file is that changes only with the version."""
        return f"/static/{self._version}/{name}"

    def icon(self, state: str) -> str:
        """Return where the icon of a page is that shows things in this state."""
        return self.static(f"icon-{state}.svg")


def _with(path: str, query: dict[str, Any]) -> str:
    told = urlencode([(name, value) for name, value in query.items() if value not in (None, "")])
    return f"{path}?{told}" if told else path
