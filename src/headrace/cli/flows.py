"""`headrace flow`: the flows that have runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli import as_json, world
from headrace.cli.look import moment_text, note, print_json, print_table, say, state_text
from headrace.cli.options import json_flag
from headrace.core.timeline import one_line

if TYPE_CHECKING:
    from rich.text import Text

    from headrace.core.records import FlowRun
    from headrace.store.protocol import SeenFlow, Store

app = typer.Typer(name="flow", help="Look at the flows that have runs.", no_args_is_help=True)


@app.command(epilog="Example: headrace flow ls -o json")
def ls(
    limit: Annotated[int, typer.Option(metavar="N", help="How many to list at most; 0 for all.", min=0)] = 20,
    json_: Annotated[bool, json_flag("a JSON array of flows")] = False,
) -> None:
    """List flows, the one that ran last first: how many runs each has, and how the latest stands."""
    store = world.store()
    found = store.flows(limit=limit + 1 if limit else None)
    shown = found[:limit] if limit else found
    told = [_Told(store, flow) for flow in shown]
    if json_:
        print_json([as_json.flow(each.flow, each.runs, each.latest) for each in told])
    elif not told:
        say("No flow has run yet. `headrace run FILE.py` runs one.")
    else:
        print_table(["flow", "runs", "latest run", "state", "created"], [each.row() for each in told], ["runs"])
        if len(found) > len(shown):
            note(f"There are more; --limit 0 lists all {len(store.flows())}")


class _Told:
    """A flow, how many runs it has, and the latest of them."""

    def __init__(self, store: Store, flow: SeenFlow) -> None:
        from headrace.store.conditions import one_of
        from headrace.store.protocol import NEWEST

        of_flow = one_of("flow_id", [flow.id])
        self.flow, self.runs = flow, store.count("flow", of_flow)
        latest: list[FlowRun] = store.flow_runs(of_flow, order=NEWEST, limit=1)
        self.latest = latest[0] if latest else None  # somebody may delete runs meanwhile

    def row(self) -> list[str | Text]:
        """Return it as a line of the table."""
        run = self.latest
        state = state_text(run.state_type, run.state_name) if run is not None else "–"
        name = one_line(run.name) if run is not None else "–"
        return [one_line(self.flow.name), str(self.runs), name, state, moment_text(self.flow.latest, world.now())]
