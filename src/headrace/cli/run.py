"""`headrace run`: load a flow, run it, show how it goes and how it went."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, NoReturn
from uuid import UUID

import typer

from headrace.cli import as_json, world
from headrace.cli.look import note, out, print_json, timeline
from headrace.cli.options import Quiet, Rows, json_flag
from headrace.cli.parameters import check_parameters, parse_parameters
from headrace.cli.progress import Progress
from headrace.cli.show import print_troubles
from headrace.core.tracebacks import traceback_of
from headrace.store.story import story_of

if TYPE_CHECKING:
    from headrace.core.states import State
    from headrace.flows import Flow

EXAMPLES = (
    "Examples: headrace run flows.py · headrace run flows.py:ingest -p day=2026-03-01 -p 'urls=[\"a\"]' · "
    "headrace run package.flows:ingest --json"
)
_INTERRUPTED = 130  # what a shell reports for a process that SIGINT ended


def run(
    target: Annotated[
        str,
        typer.Argument(metavar="FILE.py[:FLOW]", help="File or module, and the flow in it if it holds several."),
    ],
    parameter: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", metavar="KEY=VALUE", help="A parameter, as JSON or text; once for each."),
    ] = None,
    params: Annotated[str | None, typer.Option(metavar="JSON", help="All parameters, as one JSON object.")] = None,
    rows: Rows = 100,
    quiet: Quiet = False,
    json_: Annotated[
        bool,
        json_flag("the run as JSON on stdout; all that the flow prints goes to stderr"),
    ] = False,
) -> None:
    """Run a flow here and now, and show its timeline. Exits with 1 if it did not complete."""
    from headrace.flows import load_flow_from_entrypoint  # the engine, which `--help` does without

    with stdout_kept_for_json() if json_ else contextlib.nullcontext():
        flow = load_flow_from_entrypoint(target)
        given = parse_parameters(parameter or (), params, flow.validator.hints)
        check_parameters(flow.fn, flow.name, given)
        ended = carry_out(flow.name, lambda: _call(flow, given), quiet=quiet, json_=json_)
    ended.tell(quiet=quiet, json_=json_, rows=rows)


class Ended(NamedTuple):
    """How a call of a flow ended: the exit status, the run if one began, and the exception that is worth telling."""

    status: int
    run_id: UUID | None
    error: BaseException | None

    def tell(self, *, quiet: bool, json_: bool, rows: int) -> NoReturn:
        """Print the run and what ended it, and leave with the exit status."""
        if self.status == _INTERRUPTED:
            note("Interrupted")
        if self.run_id is not None:
            report(self.run_id, quiet=quiet, json_=json_, most=rows)
        if self.error is not None and not json_ and not _is_in_the_log(self.error):
            out(stderr=True).print("\n" + traceback_of(self.error), style="dim", soft_wrap=True)
        raise typer.Exit(self.status)


def carry_out(name: str, call: Callable[[], State], *, quiet: bool, json_: bool) -> Ended:
    """Call a flow, and show its progress meanwhile; `call` gives the final state."""
    if quiet:
        _silence_console()
    with Progress(name, world.store(), silent=quiet or json_) as progress:
        status, error = _outcome(call)
    return Ended(status, progress.run.id if progress.run is not None else None, error)


def _outcome(call: Callable[[], State]) -> tuple[int, BaseException | None]:
    """Return how a call ended; an interrupt or exit is recorded as a crash by the engine before it comes here."""
    try:
        state = call()
    except KeyboardInterrupt:
        return _INTERRUPTED, None
    except SystemExit as exit_:
        return 1, exit_
    return (0 if state.is_completed() else 1), (state.data if isinstance(state.data, Exception) else None)


def _is_in_the_log(error: BaseException) -> bool:
    """Say whether the run's log, which went to the console just now, had the traceback already."""
    import logging

    from headrace.drive.logs import FLOW_RUNS, ROOT, ConsoleHandler

    on_console = any(isinstance(handler, ConsoleHandler) for handler in ROOT.handlers)
    return isinstance(error, Exception) and on_console and FLOW_RUNS.isEnabledFor(logging.ERROR)


def _silence_console() -> None:
    """Show only warnings and worse of the run's log; the store keeps all of it."""
    import logging

    from headrace.drive.logs import ROOT, ConsoleHandler, configure

    configure()
    for handler in ROOT.handlers:
        if isinstance(handler, ConsoleHandler):
            handler.setLevel(logging.WARNING)


def _call(flow: Flow[..., Any], given: Mapping[str, Any]) -> State:
    called: Any = flow(**given, return_state=True)
    if flow.isasync:
        import asyncio

        called = asyncio.run(called)
    state: State = called
    return state


def report(run_id: UUID, *, quiet: bool, json_: bool, most: int) -> None:
    """Print the run, for programs or for people, as it stands in the store."""
    store = world.store()
    flow_run = store.flow_run(run_id)
    if json_:
        rows = story_of(store, flow_run, world.now()).rows
        print_json(as_json.story(flow_run, store.history(run_id), rows))
    elif not quiet:
        console, story = out(), story_of(store, flow_run, world.now(), most)
        timeline(story.rows, console, story.left_out)
        print_troubles(story.rows, console)


@contextlib.contextmanager
def stdout_kept_for_json() -> Iterator[None]:
    """Send what is printed to stderr: by Python, and at the real stdout by whatever else the flow runs."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            if sys.stdout.fileno() == 1:
                sys.stdout.flush()
                kept = os.dup(1)
                stack.callback(os.close, kept)
                stack.callback(os.dup2, kept, 1)
                os.dup2(2, 1)
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        yield
