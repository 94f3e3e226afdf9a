"""Generators: what they yield passes through, whatever else happens to the run."""

import asyncio

import pytest

from headrace import flow, task
from headrace.runtime import flow_run, task_run


def decorate(what, **options):
    return (flow if what == "flow" else task)(**options)


kinds = pytest.mark.parametrize("what", ["flow", "task"])


async def listed(items):
    return [item async for item in items]


def the_run(runs, what):
    return runs.flow() if what == "flow" else runs.task()


@kinds
def test_yields_pass_through_one_by_one(what, runs):
    """The run is Running between them and Completed after the last."""

    @decorate(what)
    def count():
        yield from (1, 2, 3)

    seen = []
    for item in count():
        seen.append((item, the_run(runs, what).state.name))
    assert seen == [(1, "Running"), (2, "Running"), (3, "Running")]
    assert the_run(runs, what).states == ["Pending", "Running", "Completed"]


@kinds
def test_async_yields_pass_through(what, runs):
    """With `async for`."""

    @decorate(what)
    async def count():
        for n in (1, 2, 3):
            await asyncio.sleep(0)
            yield n

    assert asyncio.run(listed(count())) == [1, 2, 3]
    assert the_run(runs, what).states == ["Pending", "Running", "Completed"]


@kinds
def test_a_retry_starts_again_from_the_first(what, runs):
    """The caller sees what was yielded before the failure, and then all of it."""
    failures = iter([True, False])

    @decorate(what, retries=1)
    def count():
        yield 1
        if next(failures):
            raise ValueError
        yield 2

    assert list(count()) == [1, 1, 2]
    assert the_run(runs, what).states == ["Pending", "Running", "Retrying", "Completed"]


@kinds
def test_an_async_retry_starts_again_too(what, runs):
    """As a sync one does."""
    failures = iter([True, False])

    @decorate(what, retries=1)
    async def count():
        yield 1
        if next(failures):
            raise ValueError
        yield 2

    assert asyncio.run(listed(count())) == [1, 1, 2]


@kinds
def test_a_failure_after_a_yield_reaches_the_caller(what, runs):
    """And the run is Failed."""

    @decorate(what)
    def count():
        yield 1
        raise ValueError("boom")

    steps = count()
    assert next(steps) == 1
    with pytest.raises(ValueError, match="boom"):
        next(steps)
    assert the_run(runs, what).state.is_failed()


@kinds
def test_closing_early_completes_the_run(what, runs):
    """The generator's own clean-up runs inside its run."""
    seen = []

    @decorate(what)
    def count():
        try:
            yield 1
            yield 2
        finally:
            seen.append((flow_run if what == "flow" else task_run).id)

    steps = count()
    next(steps)
    steps.close()
    assert the_run(runs, what).states == ["Pending", "Running", "Completed"]
    assert seen == [str(the_run(runs, what).id)]


@kinds
def test_closing_an_async_one_early_completes_the_run(what, runs):
    """With `aclose`."""

    @decorate(what)
    async def count():
        yield 1
        yield 2

    async def main():
        steps = count()
        await anext(steps)
        await steps.aclose()

    asyncio.run(main())
    assert the_run(runs, what).states == ["Pending", "Running", "Completed"]


@kinds
def test_an_error_in_the_clean_up_fails_the_run(what, runs):
    """It is recorded, and does not break the engine off."""

    @decorate(what)
    def count():
        try:
            yield 1
        finally:
            raise ValueError("clean-up")

    steps = count()
    next(steps)
    with pytest.raises(ValueError, match="clean-up"):
        steps.close()
    assert the_run(runs, what).state.is_failed()


@kinds
def test_values_and_errors_go_in(what, runs):
    """`send` and `throw` reach the user's generator."""

    @decorate(what)
    def echo():
        heard = yield "ready"
        try:
            heard = yield heard
        except KeyError:
            yield "caught"

    steps = echo()
    assert next(steps) == "ready"
    assert steps.send("hello") == "hello"
    assert steps.throw(KeyError()) == "caught"
    assert list(steps) == []
    assert the_run(runs, what).state.is_completed()


def test_a_submitted_generator_gives_its_list(runs):
    """Sync and async."""

    @task
    def count():
        yield from (1, 2)

    @task
    async def count_async():
        yield 3

    @flow
    def around():
        return count.submit().result() + count_async.submit().result()

    assert around() == [1, 2, 3]


@kinds
def test_return_state_gives_the_list_in_a_state(what, runs):
    """It is called to its end."""

    @decorate(what)
    def count():
        yield from (1, 2)

    assert count(return_state=True).result() == [1, 2]


def test_between_yields_the_caller_is_not_in_the_run(runs):
    """Tasks that the caller calls belong to the caller's run."""

    @task
    def count():
        yield 1
        yield 2

    other = task(lambda: task_run.name, name="other", task_run_name="other")

    @flow
    def around():
        return [(item, other(), task_run.name) for item in count()]

    assert around() == [(1, "other", None), (2, "other", None)]
