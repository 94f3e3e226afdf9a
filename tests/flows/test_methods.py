"""Flows and tasks made of methods, in whatever order they are decorated."""

import asyncio
from typing import Any

import pytest

from headrace import flow, task


def made(decorate: Any) -> Any:
    """Return a class with methods of every kind, decorated."""

    class Thing:
        factor = 10

        def __init__(self, x: int) -> None:
            self.x = x

        @decorate
        def method(self, y: int = 1) -> Any:
            return self.x + y

        @decorate(name="async")
        async def async_method(self, y: int = 1) -> Any:
            return self.x + y

        @decorate
        @classmethod
        def class_under(cls, y: int = 1) -> Any:
            return cls.factor * y

        @classmethod
        @decorate
        def class_over(cls, y: int = 1) -> Any:
            return cls.factor * y

        @decorate
        @staticmethod
        def static_under(y: int = 1) -> Any:
            return y + 100

        @staticmethod
        @decorate
        def static_over(y: int = 1) -> Any:
            return y + 100

        @decorate
        def generator(self) -> Any:
            yield from range(self.x)

    return Thing


@pytest.fixture(params=[flow, task], ids=["flow", "task"])
def thing(request: pytest.FixtureRequest) -> Any:
    """Return a class whose methods are flows, or tasks."""
    return made(request.param)


def test_a_method_is_bound_to_its_instance(thing: Any) -> None:
    """Two instances do not meet; the class gives the function unbound."""
    one, two = thing(1), thing(2)
    assert (one.method(), two.method(), one.method(y=5)) == (2, 3, 6)
    assert thing.method(thing(7)) == 8
    assert asyncio.run(one.async_method(3)) == 4


def test_a_classmethod_is_bound_to_the_class_over_and_under(thing: Any) -> None:
    """From the class, from an instance, and from a subclass with its own values."""

    class Child(thing):  # type: ignore[misc]
        factor = 1000

    assert (thing.class_under(2), thing(1).class_under(2), Child.class_under(2)) == (20, 20, 2000)
    assert (thing.class_over(2), thing(1).class_over(2), Child.class_over(2)) == (20, 20, 2000)


def test_a_staticmethod_is_bound_to_nothing_over_and_under(thing: Any) -> None:
    """From the class and from an instance."""
    assert (thing.static_under(1), thing(1).static_under(1), thing(1).static_under()) == (101, 101, 101)
    assert (thing.static_over(1), thing(1).static_over(1)) == (101, 101)


def test_a_generator_method_yields(thing: Any) -> None:
    """As it would undecorated."""
    assert list(thing(3).generator()) == [0, 1, 2]


def test_options_of_methods_can_be_changed(thing: Any) -> None:
    """Bound and unbound, of every kind."""
    assert thing(1).method.with_options(name="other")(4) == 5
    assert thing.static_under.with_options(name="other")(1) == 101
    assert thing(1).static_under.with_options(name="other")(1) == 101
    assert thing.class_under.with_options(name="other")(2) == 20


def test_methods_of_tasks_are_submitted_and_mapped() -> None:
    """`self` goes with them, and is not mapped over."""
    thing = made(task)

    @flow
    def my_flow() -> Any:
        one = thing(1)
        return (
            one.method.submit(2).result(),
            one.async_method.submit(2).result(),
            thing.class_under.submit(2).result(),
            thing.static_under.submit(2).result(),
            one.method.map([1, 2, 3]).result(),
            one.method.submit(2, return_state=True).result(),
        )

    assert my_flow() == (3, 3, 20, 102, [2, 3, 4], 3)


def test_a_method_called_by_keyword_and_with_return_state(thing: Any) -> None:
    """Keywords of ours and of the function."""
    assert thing(1).method(y=2, return_state=True).result() == 3


@pytest.mark.parametrize(("decorate", "name_of"), [(flow, "flow_run_name"), (task, "task_run_name")])
def test_names_of_runs_may_speak_of_the_instance(decorate: Any, name_of: str, runs: Any) -> None:
    """Of a variant, and of what is made of a bound method, too; arguments are validated as ever."""

    class Source:
        def __init__(self, url: str) -> None:
            self.url = url

        @decorate(**{name_of: "{self.url}-{page}"})
        def fetch(self, page: int) -> Any:
            return self.url, page

        def plain(self, page: int) -> Any:
            return self.url, page

    source = Source("web")
    assert source.fetch(1) == ("web", 1)
    assert source.fetch.with_options(retries=1)(page=2) == ("web", 2)
    assert decorate(**{name_of: "{self.url}-{page}"})(source.plain)(3) == ("web", 3)
    assert sorted(run.name for run in runs.all()) == ["web-1", "web-2", "web-3"]
    assert all(set(run.parameters) == {"self", "page"} for run in runs.all())


def test_flows_and_tasks_say_what_they_are_made_of(thing: Any) -> None:
    """A method from its instance, a classmethod, a staticmethod."""
    one = thing(1)
    kinds = ("ismethod", "isclassmethod", "isstaticmethod")
    assert [getattr(one.method, kind) for kind in kinds] == [True, False, False]
    assert [getattr(thing.method, kind) for kind in kinds] == [False, False, False]
    assert [getattr(thing.class_under, kind) for kind in kinds] == [False, True, False]
    assert [getattr(one.static_under, kind) for kind in kinds] == [False, False, True]
