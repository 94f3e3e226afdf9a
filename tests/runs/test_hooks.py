"""Hooks: when they fire, with what, in which order, and what happens when one raises."""

from unittest.mock import AsyncMock, MagicMock

import pytest

from headrace import flow, task
from headrace.states import Cancelled
from tests.runs.making import Fails, both, call, of_kind


def recording(seen, name, kind="sync"):
    def hook(owner, run, state):
        seen.append((name, owner.name, run.name, state.name))

    return of_kind(kind, hook)


@both
@pytest.mark.parametrize("hook_kind", ["sync", "async"])
def test_hooks_fire_in_order_with_owner_run_and_state(kind, hook_kind, runs):
    """Sync hooks in async runs, and the reverse, too."""
    seen = []

    def hooks(event):
        return [recording(seen, f"{event} {n}", hook_kind) for n in (1, 2)]

    the_flow = flow(
        name="f", on_running=hooks("running"), on_completion=hooks("completion"), on_failure=hooks("failure")
    )(of_kind(kind, lambda: 1))
    call(kind, the_flow)
    name = runs.flow().name
    assert seen == [
        ("running 1", "f", name, "Running"),
        ("running 2", "f", name, "Running"),
        ("completion 1", "f", name, "Completed"),
        ("completion 2", "f", name, "Completed"),
    ]


@both
def test_hooks_of_tasks_fire_too(kind):
    """Running at each attempt; failure once, and not for an attempt that is tried again."""
    seen = []
    names = ("on_running", "on_failure", "on_completion")
    the_task = task(name="t", retries=1, task_run_name="run", **{n: [recording(seen, n)] for n in names})(
        of_kind(kind, Fails(9).fn)
    )
    call(kind, the_task, return_state=True)
    assert [(name, state) for name, _, _, state in seen] == [
        ("on_running", "Running"),
        ("on_running", "Retrying"),
        ("on_failure", "Failed"),
    ]


def test_a_hook_that_raises_is_logged_and_the_rest_still_run(runs):
    """The run goes on."""
    seen = []

    def broken(flow, flow_run, state):
        raise KeyError("hook")

    @flow(on_completion=[broken, recording(seen, "after")])
    def steady():
        return 1

    assert steady() == 1
    assert [name for name, *_ in seen] == ["after"]
    assert any("The completion hook 'broken' raised KeyError('hook')" in line for line in runs.flow().logs)


@pytest.mark.parametrize("event", ["on_running", "on_completion"])
def test_an_interrupt_in_a_hook_is_raised_again(event, runs):
    """A hook's Ctrl-C is not swallowed; before the body it crashes the run."""

    def interrupted(flow, flow_run, state):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        flow(**{event: [interrupted]})(lambda: 1)()
    assert runs.flow().state.name == ("Crashed" if event == "on_running" else "Completed")


def test_hooks_go_by_the_type_of_the_state_not_its_name(runs):
    """TimedOut is a failure; a state of the user's own name that is COMPLETED completes."""
    from headrace.states import Completed, Failed

    seen = []
    hooks = {"on_failure": [recording(seen, "failure")], "on_completion": [recording(seen, "completion")]}

    @flow(**hooks)
    def late():
        raise TimeoutError("too slow")

    late(return_state=True)
    flow(**hooks)(lambda: Completed(name="Fancy"))(return_state=True)
    flow(**hooks)(lambda: Failed(name="Rejected"))(return_state=True)
    flow(**hooks)(lambda: Cancelled())(return_state=True)
    assert [(name, state) for name, _, _, state in seen] == [
        ("failure", "TimedOut"),
        ("completion", "Fancy"),
        ("failure", "Rejected"),
    ]


def test_crashed_hooks_fire_for_a_crash(runs):
    """And failure hooks do not."""
    seen = []
    hooks = {"on_crashed": [recording(seen, "crashed")], "on_failure": [recording(seen, "failure")]}
    with pytest.raises(SystemExit):
        flow(**hooks)(Fails(1, SystemExit(1)).fn)()
    assert [name for name, *_ in seen] == ["crashed"]


def test_failure_hooks_fire_for_parameters_that_do_not_validate():
    """And running hooks do not."""
    seen = []

    @flow(on_running=[recording(seen, "running")], on_failure=[recording(seen, "failure")])
    def typed(x: int):
        return x

    typed("no number", return_state=True)
    assert [name for name, *_ in seen] == ["failure"]


@both
def test_mocks_and_functions_that_return_coroutines_are_hooks_too(kind):
    """A mock is called, an async one awaited; so is what a lambda around an async function returns."""
    seen = []

    async def notify(owner, run, state):
        seen.append(state.name)

    mock, async_mock = MagicMock(), AsyncMock()
    hooks = [mock, async_mock, lambda *args: notify(*args)]
    call(kind, task(name="t", on_completion=hooks)(of_kind(kind, lambda: 1)))
    assert mock.call_args.args[0].name == "t"
    assert async_mock.await_count == 1
    assert seen == ["Completed"]
