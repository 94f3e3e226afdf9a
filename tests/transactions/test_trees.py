"""Any nest of blocks and tasks: committed in order, or undone in reverse, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace import Task, flow
from headrace.testing import recorded_runs
from headrace.transactions import transaction


class Node(NamedTuple):
    """A block or a task, what it does inside, and whether it fails in the end."""

    is_task: bool
    fails: bool
    children: tuple[Node, ...]


def nodes(children: Any) -> Any:
    return st.builds(Node, st.booleans(), st.sampled_from([False, False, False, True]), children)


trees = st.recursive(nodes(st.just(())), lambda inner: nodes(st.lists(inner, max_size=3).map(tuple)), max_leaves=6)


class Expected:
    """What is to happen, told as simply as can be."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.completed: list[str] = []

    def run(self, node: Node, name: str) -> bool:
        """Say whether it ended well."""
        done = []
        for number, child in enumerate(node.children):
            if not self.run(child, f"{name}.{number}"):
                break
            done.append(f"{name}.{number}")
        else:
            if not node.fails:
                if node.is_task:
                    self.completed.append(name)
                return True
        for child_name in reversed(done):
            self.undo(child_name)
        return False

    def undo(self, name: str) -> None:
        inside = [other for other in self.completed if other == name or other.startswith(f"{name}.")]
        for other in sorted(inside, key=_from_the_end):
            self.lines.append(f"undo {other}")
            self.completed.remove(other)


def _from_the_end(name: str) -> tuple[Any, ...]:
    """Order names so that later siblings come first, and each before what is inside it."""
    return tuple(-int(part) if part else 0 for part in name.split("."))


class Actual:
    """What happens."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def run(self, node: Node, name: str) -> None:
        if not node.is_task:
            with transaction():
                self.inside(node, name)
            return
        Task(
            self.inside,
            name=f"t{name}",
            on_commit=[lambda txn: self.lines.append(f"commit {name}")],
            on_rollback=[lambda txn: self.lines.append(f"undo {name}")],
        )(node, name)

    def inside(self, node: Node, name: str) -> None:
        for number, child in enumerate(node.children):
            self.run(child, f"{name}.{number}")
        if node.fails:
            raise ValueError(name)


def leaves_first(node: Node, name: str) -> Iterator[str]:
    """Yield the names of tasks, children before what they are inside of."""
    for number, child in enumerate(node.children):
        yield from leaves_first(child, f"{name}.{number}")
    if node.is_task:
        yield name


@given(trees)
def test_a_tree_of_transactions_is_committed_or_undone(tree: Node) -> None:
    """Hooks and histories say the same as a model of ten lines."""
    expected, actual = Expected(), Actual()

    @flow
    def around() -> None:
        with transaction():
            actual.run(tree, "0")

    if expected.run(tree, "0"):
        around()
        assert actual.lines == [f"commit {name}" for name in leaves_first(tree, "0")]
    else:
        with pytest.raises(ValueError, match=r"\d"):
            around()
        assert actual.lines == expected.lines
    flow_run = recorded_runs().flows()[-1]
    undone = {run.definition_name for run in flow_run.task_runs if "RolledBack" in run.states}
    assert undone == {f"t{line.removeprefix('undo ')}" for line in actual.lines if line.startswith("undo")}
