"""Drawing a flow without running its tasks: as a value to look at, and as a picture."""

from __future__ import annotations

import contextvars
import inspect
import shutil
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.core.drawing import Edge, FlowGraph, Node, graph_from
from headrace.core.states import State, exception_of
from headrace.drive.drawing import DrawingWorld
from headrace.drive.world import current_world, use_world
from headrace.exceptions import (
    FlowVisualizationError,
    GraphvizExecutableNotFoundError,
    GraphvizImportError,
    HeadraceError,
    VisualizationUnsupportedError,
)
from headrace.runs.context import CURRENT

__all__ = [
    "Edge",
    "FlowGraph",
    "FlowVisualizationError",
    "GraphvizExecutableNotFoundError",
    "GraphvizImportError",
    "Node",
    "VisualizationUnsupportedError",
    "graph_of",
    "show",
]

_WITHOUT = "Without it, headrace.utilities.visualization.graph_of(flow).to_mermaid() gives text that others draw."


def graph_of(flow: Any, *args: Any, **kwargs: Any) -> FlowGraph:
    """Call a flow's function with these arguments, without running tasks and subflows, and return what it would call.

    Nothing is recorded. Raises VisualizationUnsupportedError where the flow looks into a result that nobody knows,
    FlowVisualizationError where its function raises, and what a call of the flow raises for arguments that do not fit.
    """
    world = DrawingWorld(current_world().clock)
    try:
        state: State = contextvars.copy_context().run(_called, world, flow, args, kwargs)
        if not state.is_completed():
            raise _failure(flow, exception_of(state))
        return graph_from(flow.name, world.store.task_runs())
    finally:
        world.close()


def _called(world: DrawingWorld, flow: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call the flow as the outermost run of its world, whatever is around it here."""
    CURRENT.set(None)
    with use_world(world):
        ended = flow(*args, return_state=True, **kwargs)
        if not inspect.isawaitable(ended):
            return ended
        from headrace.drive.bridge import run_coroutine  # asyncio is slow to import

        return run_coroutine(ended, world)


def _failure(flow: Any, error: BaseException) -> BaseException:
    if isinstance(error, HeadraceError):
        return error
    failure = FlowVisualizationError(
        f"The function of flow {flow.name!r} raised {type(error).__name__}: {error}. When a flow is visualised its own "
        "code runs, but no task. If it needs what a task returns, say what: @task(viz_return_value=...)."
    )
    failure.__cause__ = error
    return failure


def load_graphviz() -> Any:
    """Return the package that talks to Graphviz, where Graphviz itself is there too.

    Raises GraphvizImportError, GraphvizExecutableNotFoundError.
    """
    try:
        import graphviz  # type: ignore[import-untyped]  # an extra; few flows are drawn
    except ImportError as error:
        raise GraphvizImportError(
            "Drawing a flow takes the Python package graphviz, which is not installed: pip install "
            f"'headrace[visualize]'. {_WITHOUT}"
        ) from error
    if shutil.which("dot") is None:
        raise GraphvizExecutableNotFoundError(
            "Drawing a flow takes Graphviz, whose program 'dot' is not on the PATH: apt install graphviz, brew install "
            "graphviz, or see "
            f"graphviz.org/download. {_WITHOUT}"
        )
    return graphviz


def show(graph: FlowGraph) -> None:
    """Draw a graph: in a notebook below the cell, else in ``<name of the flow>.png``, which is opened.

    Raises GraphvizImportError, GraphvizExecutableNotFoundError.
    """
    graphviz = load_graphviz()
    source = graphviz.Source(graph.to_dot())
    if _in_notebook():
        from IPython.display import display  # type: ignore[import-not-found,unused-ignore]

        display(source)
        return
    file = source.render(graph.name, format="png", cleanup=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # what shows the picture is not waited for
            graphviz.view(file, quiet=True)
    except (OSError, RuntimeError) as error:  # a machine without a screen
        warnings.warn(f"The picture is in {file}; it could not be opened: {error}", stacklevel=3)


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    return shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"
