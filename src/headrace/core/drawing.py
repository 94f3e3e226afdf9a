"""The graph of a flow: what it calls, and what depends on what; as a value, and in two languages that draw it.

It is made of records of task runs, whatever they came from. Pure: nothing here runs a flow or draws a picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from headrace.core import names
from headrace.core.records import TaskRun

_WAIT_FOR = "wait_for"


class Node(NamedTuple):
    """One call of a task, or of a flow within the flow (`is_flow`). Labels are unique within a graph."""

    label: str
    is_flow: bool = False


class Edge(NamedTuple):
    """From a call to one that depends on it; with `only_waits`, through `wait_for` and nothing that was passed on."""

    before: str
    after: str
    only_waits: bool = False


class FlowGraph(NamedTuple):
    """What a flow calls, in the order of the calls, and what depends on what."""

    name: str
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()

    def to_dot(self) -> str:
        """Return the graph in the language of Graphviz."""
        lines = [f"digraph {_quoted(self.name)} {{", '  node [shape=box style="rounded"]']
        for node in self.nodes:
            lines.append(f"  {_quoted(node.label)}{' [shape=component style=solid]' if node.is_flow else ''}")
        for edge in self.edges:
            style = " [style=dashed]" if edge.only_waits else ""
            lines.append(f"  {_quoted(edge.before)} -> {_quoted(edge.after)}{style}")
        return "\n".join([*lines, "}", ""])

    def to_mermaid(self) -> str:
        """Return the graph as a Mermaid flowchart, which many places that show Markdown draw."""
        numbers = {node.label: f"n{number}" for number, node in enumerate(self.nodes)}
        lines = ["flowchart TD"]
        for node in self.nodes:
            left, right = ("[[", "]]") if node.is_flow else ("(", ")")
            lines.append(f'  {numbers[node.label]}{left}"{_escaped(node.label)}"{right}')
        for edge in self.edges:
            lines.append(f"  {numbers[edge.before]} {'-.->' if edge.only_waits else '-->'} {numbers[edge.after]}")
        return "\n".join([*lines, ""])


def graph_from(name: str, runs: Iterable[TaskRun]) -> FlowGraph:
    """Return the graph of what these task runs were: each a node, and an edge from each that it depends on."""
    runs = list(runs)
    labels = _labels(runs)
    nodes = tuple([Node(labels[run.id], run.child_flow_run_id is not None) for run in runs])
    edges = [edge for run in runs for edge in _edges_to(run, labels)]
    return FlowGraph(name, nodes, tuple(edges))


def _labels(runs: Sequence[TaskRun]) -> dict[UUID, str]:
    """Return how each run is called: by the name it was given, else by its task's and a number."""
    counts: Counter[str] = Counter()
    taken: set[str] = set()
    labels = {}
    for run in runs:
        if run.name == names.task_run_name(run.task_name, run.id):
            label = f"{run.task_name}-{counts[run.task_name]}"
            counts[run.task_name] += 1
        else:
            label = run.name
        labels[run.id] = _unique(label, taken)
    return labels


def _unique(label: str, taken: set[str]) -> str:
    """Return the label, or, where another call has it, one with a number behind it."""
    free, number = label, 2
    while free in taken:
        free, number = f"{label} ({number})", number + 1
    taken.add(free)
    return free


def _edges_to(run: TaskRun, labels: dict[UUID, str]) -> Iterable[Edge]:
    passed_on = [up for name, ups in run.task_inputs.items() if name != _WAIT_FOR for up in ups]
    for before in dict.fromkeys([*passed_on, *run.task_inputs.get(_WAIT_FOR, ())]):
        if before in labels:
            yield Edge(labels[before], labels[run.id], before not in passed_on)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace("\n", " ")
