"""Graphs of flows as values and as text."""

from datetime import UTC, datetime
from uuid import UUID

from headrace.core.drawing import Edge, FlowGraph, Node, graph_from
from headrace.core.records import TaskRun

GRAPH = FlowGraph(
    "etl",
    (Node('load "a"'), Node("child-0", is_flow=True), Node("clean-0")),
    (Edge('load "a"', "child-0"), Edge("child-0", "clean-0", only_waits=True)),
)


def run(number: int, name: str, **more: object) -> TaskRun:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    return TaskRun(id=UUID(int=number), name=name, created=now, task_name="t", task_key="t-1", **more)  # type: ignore[arg-type]


def test_the_text_for_graphviz_quotes_labels_and_tells_flows_and_waits_apart() -> None:
    """It is what `dot` reads."""
    assert GRAPH.to_dot().splitlines() == [
        'digraph "etl" {',
        '  node [shape=box style="rounded"]',
        '  "load \\"a\\""',
        '  "child-0" [shape=component style=solid]',
        '  "clean-0"',
        '  "load \\"a\\"" -> "child-0"',
        '  "child-0" -> "clean-0" [style=dashed]',
        "}",
    ]


def test_the_text_for_mermaid_does_the_same() -> None:
    """Labels stand in quotes; nodes have names of their own."""
    assert GRAPH.to_mermaid().splitlines() == [
        "flowchart TD",
        '  n0("load &quot;a&quot;")',
        '  n1[["child-0"]]',
        '  n2("clean-0")',
        "  n0 --> n1",
        "  n1 -.-> n2",
    ]


def test_runs_without_a_name_of_their_own_are_numbered() -> None:
    """Names that are the same are told apart."""
    runs = [run(1, "t-001"), run(2, "t-002"), run(3, "mine"), run(4, "mine"), run(5, "t-1")]
    assert [node.label for node in graph_from("f", runs).nodes] == ["t-0", "t-1", "mine", "mine (2)", "t-1 (2)"]


def test_dependencies_on_runs_that_are_not_in_the_graph_are_left_out() -> None:
    """And each pair has one edge."""
    one, two = UUID(int=1), UUID(int=2)
    inputs = {"a": [one], "b": [one, UUID(int=9)], "wait_for": [one]}
    runs = [run(1, "one"), run(2, "two", task_inputs=inputs), run(3, "three", task_inputs={"wait_for": [two, two]})]
    assert graph_from("f", runs).edges == (Edge("one", "two"), Edge("two", "three", only_waits=True))
