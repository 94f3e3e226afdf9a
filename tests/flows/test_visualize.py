"""Flows that are drawn, and not run."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace import flow, task
from headrace.cache_policies import INPUTS
from headrace.exceptions import HeadraceError, MappingLengthMismatch, ParameterBindError, ParameterTypeError
from headrace.store.protocol import Store
from headrace.task_runners import ProcessPoolTaskRunner
from headrace.utilities.visualization import (
    Edge,
    FlowGraph,
    FlowVisualizationError,
    GraphvizExecutableNotFoundError,
    GraphvizImportError,
    Node,
    VisualizationUnsupportedError,
    graph_of,
)


def never(*_: Any) -> Any:
    raise AssertionError("a task that is only drawn was run")


load = task(name="load")(never)
clean = task(name="clean")(lambda page: never(page))
count = task(name="count", viz_return_value=3)(never)
pages = task(name="pages", viz_return_value=["a", "b"])(never)


def edges(graph: FlowGraph) -> set[str]:
    return {f"{edge.before} -> {edge.after}" for edge in graph.edges}


def labels(graph: FlowGraph) -> list[str]:
    return [node.label for node in graph.nodes]


# what is drawn -------------------------------------------------------------------------------------------------


def test_calls_are_nodes_and_results_passed_on_are_edges() -> None:
    """In the order of the calls, numbered task by task."""

    @flow
    def etl() -> None:
        first, second = load(1), load(2)
        clean(first)
        clean([second, {"and": first}])

    graph = graph_of(etl)
    assert labels(graph) == ["load-0", "load-1", "clean-0", "clean-1"]
    assert edges(graph) == {"load-0 -> clean-0", "load-1 -> clean-1", "load-0 -> clean-1"}
    assert graph.name == "etl"


def test_nothing_is_recorded(run_store: Store) -> None:
    """Neither runs nor log lines."""

    @flow
    def etl() -> None:
        clean(load.submit(1))

    graph_of(etl)
    assert (run_store.count("flow"), run_store.count("task")) == (0, 0)


def test_hooks_names_and_caches_of_runs_are_left_alone(tmp_path: Path) -> None:
    """Drawing a flow has no effects but those of the flow's own code."""
    fired: list[Any] = []
    hooks: dict[str, Any] = {
        event: [lambda *_: fired.append(1)] for event in ("on_running", "on_completion", "on_failure")
    }
    kept = task(cache_policy=INPUTS, result_storage=tmp_path, name="kept", **hooks)(lambda x: 1)
    named = task(task_run_name=lambda: fired.append(1), name="named", retries=3, **hooks)(lambda: 1)

    @flow(**hooks, result_storage=tmp_path, persist_result=True)
    def etl() -> None:
        kept(1)
        named()

    assert labels(graph_of(etl)) == ["kept-0", "named-0"]
    assert fired == []
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_is_cached_is_not_looked_for(tmp_path: Path) -> None:
    """The stand-in is the same whatever ran before."""
    kept = task(cache_policy=INPUTS, result_storage=tmp_path, name="kept", viz_return_value="drawn")(lambda x: "run")
    seen: list[str] = []

    @flow
    def etl() -> None:
        seen.append(kept(1))

    etl()
    graph_of(etl)
    assert seen == ["run", "drawn"]


def test_submitted_and_mapped_tasks_are_drawn() -> None:
    """One node for each item; futures passed on are edges."""

    @flow
    def etl() -> None:
        found = load.map([1, 2])
        clean.map(found)
        clean.submit(found)

    graph = graph_of(etl)
    assert labels(graph) == ["load-0", "load-1", "clean-0", "clean-1", "clean-2"]
    assert edges(graph) == {
        *("load-0 -> clean-0", "load-1 -> clean-1"),
        *("load-0 -> clean-2", "load-1 -> clean-2"),
    }


def test_what_is_waited_for_is_an_edge_of_another_kind() -> None:
    """Nothing was passed on, yet one comes after the other."""

    @flow
    def etl() -> None:
        first = load.submit(1)
        load(2, wait_for=[first])
        clean(first, wait_for=[first])

    assert set(graph_of(etl).edges) == {Edge("load-0", "load-1", only_waits=True), Edge("load-0", "clean-0")}


def test_results_of_futures_are_stand_ins_too() -> None:
    """Asking a future or a state for its result works, and the dependency is kept."""

    @flow
    def etl() -> None:
        clean(load.submit(1).result())
        clean(load(2, return_state=True).result())

    assert edges(graph_of(etl)) == {"load-0 -> clean-0", "load-1 -> clean-1"}


@pytest.mark.parametrize("submitted", [False, True])
def test_a_subflow_is_one_node_and_is_not_run(submitted: bool) -> None:
    """What it calls is its own picture."""

    @flow
    def child(x: Any) -> None:
        never()

    @flow
    def parent() -> None:
        clean(child(load.submit(1) if submitted else load(1)))

    graph = graph_of(parent)
    assert graph.nodes == (Node("load-0"), Node("child-0", is_flow=True), Node("clean-0"))
    assert edges(graph) == {"load-0 -> child-0", "child-0 -> clean-0"}


def test_run_names_are_labels_where_templates_can_be_filled_in() -> None:
    """Else there are numbers; the same name twice is told apart."""
    fetch = task(task_run_name="fetch-{url}", name="fetch")(never)
    parse = task(task_run_name="parse-{page.size}", name="parse")(lambda page: never())
    fetch_url = task(task_run_name="fetch-{url}", name="fetch")(lambda url: never())

    @flow
    def crawl() -> None:
        parse(fetch_url("a"))
        fetch_url("a")
        fetch("b")

    assert labels(graph_of(crawl)) == ["fetch-a", "parse-0", "fetch-a (2)", "fetch-0"]


def test_async_flows_and_tasks_are_drawn() -> None:
    """From sync code and from async code alike."""

    @task
    async def aload(x: int) -> int:
        never()
        return x

    @flow
    async def etl() -> None:
        clean(await aload(1))
        await asyncio.gather(aload(2), aload(3))

    async def inside() -> FlowGraph:
        return graph_of(etl)

    graph = graph_of(etl)
    assert labels(graph) == ["aload-0", "clean-0", "aload-1", "aload-2"]
    assert edges(graph) == {"aload-0 -> clean-0"}
    assert asyncio.run(inside()) == graph


def test_generators_yield_what_is_said() -> None:
    """Item by item, as the run would."""

    @task(viz_return_value=[[1], [2]])
    def chunks() -> Iterator[list[int]]:
        yield [1]

    @task(viz_return_value=[[1]])
    async def achunks() -> AsyncIterator[list[int]]:
        yield [1]

    @flow
    async def etl() -> None:
        for chunk in chunks():
            clean(chunk)
        async for chunk in achunks():
            clean(chunk)

    assert labels(graph_of(etl)) == ["chunks-0", "clean-0", "clean-1", "achunks-0", "clean-2"]


def test_a_flow_inside_a_run_is_drawn_on_its_own(run_store: Store) -> None:
    """Who asks for the picture is no part of it."""

    @flow
    def etl() -> None:
        load(1)

    @flow
    def asks() -> list[str]:
        return labels(graph_of(etl))

    assert asks() == ["load-0"]
    assert run_store.count("flow") == 1


def test_tasks_for_processes_are_drawn_in_this_one() -> None:
    """No process is started."""

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
    def etl() -> None:
        clean(load.submit(1))

    assert edges(graph_of(etl)) == {"load-0 -> clean-0"}


def test_scheduled_tasks_are_drawn_and_not_waited_for() -> None:
    """No worker would come."""

    @flow
    def etl() -> None:
        later = load.delay(1)
        clean(later)
        clean(count.delay().result() + 1)

    graph = graph_of(etl)
    assert labels(graph) == ["load-0", "clean-0", "count-0", "clean-1"]
    assert edges(graph) == {"load-0 -> clean-0"}


def test_drawing_takes_no_virtual_time(simulation: Any) -> None:
    """Retries and time-outs of tasks do not come into it."""
    slow = task(name="slow", retries=3, retry_delay_seconds=60)(never)

    @flow
    def etl() -> None:
        clean(slow.submit())

    assert labels(graph_of(etl)) == ["slow-0", "clean-0"]
    assert simulation.elapsed == 0


# stand-ins -----------------------------------------------------------------------------------------------------


def test_the_value_that_is_given_stands_for_the_result() -> None:
    """Loops and branches take the way that it says."""

    @flow
    def etl() -> None:
        if count() > 2:
            for page in pages():
                clean(page)

    assert labels(graph_of(etl)) == ["count-0", "pages-0", "clean-0", "clean-1"]


def test_each_call_has_a_stand_in_of_its_own() -> None:
    """So what depends on the one does not depend on the other."""

    @flow
    def etl() -> None:
        first, _second = pages(), pages()
        clean(first)

    assert edges(graph_of(etl)) == {"pages-0 -> clean-0"}
    assert pages.viz_return_value == ["a", "b"]


@pytest.mark.parametrize(
    ("use", "said"),
    [
        (bool, "asks whether it is true"),
        (len, "asks for its length"),
        (list, "iterates over it"),
        (lambda x: x["a"], "takes or changes an item"),
        (lambda x: x.size, "takes its attribute 'size'"),
        (lambda x: setattr(x, "size", 1), "sets its attribute 'size'"),
        (lambda x: x == 3, "compares it"),
        (lambda x: x > 3, "compares it"),
        (lambda x: 1 + x, "calculates with it"),
        (lambda x: 3 in x, "asks what is in it"),
        (int, "makes a number of it"),
    ],
)
def test_looking_into_a_result_that_nobody_knows_says_what_to_write(use: Callable[[Any], Any], said: str) -> None:
    """At once, instead of a wrong picture."""

    @flow
    def etl() -> None:
        use(load(1))

    with pytest.raises(VisualizationUnsupportedError, match=f"'load'.*{said}.*viz_return_value"):
        graph_of(etl)


def test_results_may_be_printed_compared_with_themselves_and_asked_for_what_they_have() -> None:
    """What looks at nothing inside is fine."""

    @flow
    def etl() -> str:
        found = load(1)
        assert found in [found]
        assert not hasattr(found, "read")
        assert {found: 1}[found]
        return f"{found:>10} {found!r}"

    graph_of(etl)


def test_mapping_over_a_result_that_nobody_knows_says_what_to_write() -> None:
    """How many there would be can't be told."""

    @flow
    def etl() -> None:
        clean.map(load(1))

    with pytest.raises(VisualizationUnsupportedError, match="iterates over it"):
        graph_of(etl)


# what goes wrong -----------------------------------------------------------------------------------------------


def test_an_error_of_the_flow_is_told_with_its_cause() -> None:
    """It may come from a stand-in."""

    @flow
    def etl() -> None:
        raise KeyError("day")

    with pytest.raises(FlowVisualizationError, match=r"'etl' raised KeyError.*viz_return_value") as caught:
        graph_of(etl)
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize(
    ("args", "error"), [((), ParameterBindError), (("no number",), ParameterTypeError), ((1, 2), ParameterBindError)]
)
def test_arguments_are_checked_as_in_a_call(args: Any, error: type[HeadraceError]) -> None:
    """A picture of a call that could not be made would be wrong."""

    @flow
    def etl(day: int) -> None:
        load(day)

    with pytest.raises(error):
        graph_of(etl, *args)


def test_errors_of_calls_inside_are_raised_as_they_are() -> None:
    """They say themselves what to do."""

    @flow
    def etl() -> None:
        task(lambda a, b: never()).map([1], [2, 3])

    with pytest.raises(MappingLengthMismatch):
        graph_of(etl)


# pictures ------------------------------------------------------------------------------------------------------


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the whole PATH; the working directory is another."""
    folder, here = tmp_path / "bin", tmp_path / "here"
    folder.mkdir()
    here.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.chdir(here)
    return folder


def program(folder: Path, name: str, code: str) -> None:
    file = folder / name
    file.write_text(f"#!{sys.executable}\nimport sys\n{code}\n")
    file.chmod(0o755)


@flow
def small(day: int = 1) -> None:
    clean(load(day))


def test_a_missing_program_is_named_before_anything_runs(programs: Path) -> None:
    """With what to install, and what works without it."""

    @flow
    def etl() -> None:
        never()

    with pytest.raises(GraphvizExecutableNotFoundError, match=r"'dot'.*apt install graphviz.*to_mermaid"):
        etl.visualize()


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an ImportError, too."""
    monkeypatch.setitem(sys.modules, "graphviz", None)
    with pytest.raises(GraphvizImportError, match=r"headrace\[visualize\]") as caught:
        small.visualize()
    assert isinstance(caught.value, ImportError)


@pytest.mark.parametrize("is_async", [False, True])
def test_the_picture_is_a_file_named_after_the_flow(programs: Path, is_async: bool) -> None:
    """It is drawn by Graphviz from the graph, and where nothing can open it a warning says where it is."""
    program(programs, "dot", "open(sys.argv[-1] + '.png', 'w').write(open(sys.argv[-1]).read())")

    async def inside() -> None:
        await small.visualize(2)

    with pytest.warns(UserWarning, match=r"small\.png.*could not be opened"):
        asyncio.run(inside()) if is_async else small.visualize(2)
    assert os.listdir() == ["small.png"]
    assert Path("small.png").read_text() == graph_of(small, 2).to_dot()


def test_the_picture_is_opened(programs: Path) -> None:
    """By what the desktop opens pictures with."""
    program(programs, "dot", "open(sys.argv[-1] + '.png', 'w')")
    program(programs, "xdg-open", "pass")
    program(programs, "open", "pass")
    small.visualize()
    assert os.listdir() == ["small.png"]
