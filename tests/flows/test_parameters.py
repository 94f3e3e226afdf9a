"""How calls bind, validate and coerce."""

import asyncio
import dataclasses
import datetime
import decimal
import enum
from typing import Annotated, Any, Literal, Optional, Protocol, TypedDict, Union
from uuid import UUID

import pydantic
import pydantic.v1
import pytest

from headrace import flow, task
from headrace.exceptions import HeadraceError, ParameterBindError, ParameterTypeError
from headrace.store.protocol import Store


class Model(pydantic.BaseModel):
    """A model of the user's."""

    x: int
    name: str = "unnamed"


@dataclasses.dataclass
class Point:
    """A dataclass of the user's."""

    x: int
    y: float = 0.0


class Colour(enum.Enum):
    """An enumeration of the user's."""

    RED = "red"


class Custom:
    """A class that pydantic knows nothing of."""


COERCIONS = [
    (int, "3", 3),
    (int, 3.0, 3),
    (float, 3, 3.0),
    (str, "x", "x"),
    (bool, "true", True),
    (datetime.date, "2026-11-26", datetime.date(2026, 11, 26)),
    (datetime.datetime, "2026-11-26T10:00:00Z", datetime.datetime(2026, 11, 26, 10, tzinfo=datetime.UTC)),
    (datetime.timedelta, 60, datetime.timedelta(minutes=1)),
    (UUID, "00000000-0000-0000-0000-000000000001", UUID(int=1)),
    (list[int], ["1", "2"], [1, 2]),
    (dict[str, int], {"a": "1"}, {"a": 1}),
    (tuple[int, str], ["1", "x"], (1, "x")),
    (set[int], [1, 1], {1}),
    (Model, {"x": "3"}, Model(x=3)),
    (Model, Model(x=4), Model(x=4)),
    (list[Model], [{"x": 1}], [Model(x=1)]),
    (Point, {"x": "1"}, Point(1)),
    (Point, Point(1, 2.0), Point(1, 2.0)),
    (Colour, "red", Colour.RED),
    (Literal["a", "b"], "a", "a"),
    (Optional[int], None, None),  # noqa: UP045 - users write it
    (Optional[int], "3", 3),  # noqa: UP045
    (Union[int, str], "x", "x"),  # noqa: UP007
    (int | None, None, None),
    (Annotated[int, pydantic.Field(gt=0)], "3", 3),
    (Any, Custom, Custom),
    (object, 3, 3),
]


@pytest.mark.parametrize(("hint", "given", "got"), COERCIONS, ids=[f"{h}-{g}" for h, g, _ in COERCIONS])
@pytest.mark.parametrize("is_async", [False, True])
def test_a_flow_coerces_what_it_is_given(hint: Any, given: Any, got: Any, is_async: bool) -> None:
    """As pydantic does."""

    def sync_fn(x: Any) -> Any:
        return x

    async def async_fn(x: Any) -> Any:
        return x

    fn: Any = async_fn if is_async else sync_fn
    fn.__annotations__["x"] = hint
    result = asyncio.run(flow(fn)(given)) if is_async else flow(fn)(given)
    assert result == got
    assert type(result) is type(got)


@pytest.mark.parametrize(
    ("hint", "given"),
    [
        (int, "three"),
        (Model, {"x": "no"}),
        (Point, {"x": "no"}),
        (Colour, "blue"),
        (Literal["a"], "b"),
        (datetime.date, "some day"),
        (Custom, 3),
        (Annotated[int, pydantic.Field(gt=0)], 0),
        (int | None, "x"),
    ],
)
def test_what_does_not_validate_fails_the_run(run_store: Store, hint: Any, given: Any) -> None:
    """ParameterTypeError names flow and parameter; the run is Failed, and has never run."""
    calls = []

    def fn(x: Any) -> None:
        calls.append(x)

    fn.__annotations__["x"] = hint
    with pytest.raises(ParameterTypeError, match=r"'fn'.*\n  x"):
        flow(fn)(given)
    (run,) = run_store.flow_runs()
    assert [state.name for state in run_store.history(run.id)] == ["Pending", "Failed"]
    assert (run.run_count, calls) == (0, [])
    assert "ParameterTypeError" in (run.state.message or "")  # type: ignore[union-attr]


def test_each_error_has_a_line() -> None:
    """All that is wrong is told at once."""

    @flow
    def my_flow(a: int, b: Model, *rest: int, **more: int) -> None: ...

    call: Any = my_flow
    with pytest.raises(ParameterTypeError) as raised:
        call("x", {"name": 3}, "y", z="q")
    lines = str(raised.value).splitlines()[1:]
    assert [line.strip().split(":")[0] for line in lines] == ["a", "b.x", "b.name", "rest.0", "z"]
    assert isinstance(raised.value, HeadraceError)


def test_stars_are_validated_one_by_one() -> None:
    """`*args: int` says what each of them is."""

    @flow
    def my_flow(*rest: int, **more: int) -> Any:
        return rest, more

    call: Any = my_flow
    assert call("1", 2, a="3") == ((1, 2), {"a": 3})


def test_defaults_are_not_validated() -> None:
    """The author of the flow wrote them; ≠ Prefect."""

    @flow
    def my_flow(x: int = None, y: int = "y") -> Any:  # type: ignore[assignment]  # noqa: RUF013 - it is the point
        return x, y

    assert my_flow() == (None, "y")
    assert my_flow(3) == (3, "y")


def test_validation_can_be_turned_off() -> None:
    """Then what is given is what the function gets."""

    @flow(validate_parameters=False)
    def my_flow(x: int) -> Any:
        return x

    call: Any = my_flow
    assert call("three") == "three"


def test_tasks_never_validate() -> None:
    """Whatever the annotation says."""

    @task
    def my_task(x: int) -> Any:
        return x

    call: Any = my_task
    assert call("three") == "three"


def test_an_instance_of_a_class_unknown_to_pydantic_passes() -> None:
    """By isinstance, and it is the same object."""
    custom = Custom()

    @flow
    def my_flow(x: Custom, xs: list[Custom]) -> bool:
        return x is custom and xs[0] is custom

    assert my_flow(custom, [custom])


def test_forward_references_are_resolved_where_they_can_be() -> None:
    """A name of the module; one that is not there leaves its parameter as it is, and the others are validated."""

    @flow
    def my_flow(model: "Model", other: "NotThere", x: int) -> Any:  # type: ignore[name-defined]  # noqa: F821
        return model, other, x

    call: Any = my_flow
    assert call({"x": 1}, "anything", "3") == (Model(x=1), "anything", 3)


def test_futures_and_states_pass_validation() -> None:
    """They become results later."""

    @task
    def one() -> int:
        return 1

    @flow
    def child(x: int) -> Any:
        return x

    @flow
    def parent() -> Any:
        return child(one.submit()), child(one(return_state=True))  # type: ignore[call-overload]

    assert parent() == (1, 1)


def test_a_validation_failure_is_not_retried(run_store: Store) -> None:
    """It would not be better the next time."""

    @flow(retries=3)
    def my_flow(x: int) -> None: ...

    state = my_flow("three", return_state=True)
    assert state.is_failed()
    assert [s.name for s in run_store.history(state.state_details.flow_run_id)] == ["Pending", "Failed"]  # type: ignore[arg-type]


@pytest.mark.parametrize(("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"z": 3}), ((1,), {"x": 1})], ids=repr)
@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("decorate", [flow, task])
def test_a_call_that_does_not_bind_makes_no_run(
    run_store: Store, decorate: Any, is_async: bool, args: Any, kwargs: Any
) -> None:
    """ParameterBindError, a TypeError, at the call; it names function, signature and arguments."""

    def sync_fn(x: Any, y: Any = 2) -> None: ...

    async def async_fn(x: Any, y: Any = 2) -> None: ...

    fn = async_fn if is_async else sync_fn
    with pytest.raises(ParameterBindError) as raised:
        decorate(name="mine")(fn)(*args, **kwargs)
    text = str(raised.value)
    assert "mine(x: Any, y: Any = 2)" in text
    assert all(f"{key}={value}" in text for key, value in kwargs.items())
    assert isinstance(raised.value, TypeError)
    assert (run_store.flow_runs(), run_store.task_runs()) == ([], [])


def test_a_bind_error_survives_arguments_that_cannot_be_shown() -> None:
    """Whatever a user's __repr__ does."""

    class Bad:
        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    call: Any = task(lambda: 1)
    with pytest.raises(ParameterBindError, match="a Bad that can't be shown"):
        call(Bad())


@pytest.mark.parametrize("name", ["self", "fn", "name", "task", "args", "parameters"])
def test_keywords_may_have_any_name_but_the_reserved_ones(name: str) -> None:
    """They are the function's, not ours."""

    @task
    def my_task(**kwargs: Any) -> Any:
        return kwargs

    @flow
    def my_flow(**kwargs: Any) -> Any:
        return my_task(**kwargs), my_task.submit(**kwargs).result(), my_task.map(**{name: [1]}).result()

    assert my_flow(**{name: 1}) == ({name: 1}, {name: 1}, [{name: 1}])


def test_submit_and_map_bind_at_once(run_store: Store) -> None:
    """The error is raised where the call is written, not in the future."""

    @task
    def my_task(x: int) -> None: ...

    call: Any = my_task

    @flow
    def my_flow() -> None:
        with pytest.raises(ParameterBindError):
            call.submit()
        with pytest.raises(ParameterBindError):
            call.map([1], y=[2])

    my_flow()
    assert run_store.task_runs() == []


class Goes(Protocol):
    """Of use to type checkers alone."""

    def go(self) -> None: ...


class Options(TypedDict):
    """Not what pydantic wants before Python 3.12."""

    level: int


@pytest.mark.parametrize("hint", [Goes, list[Goes], Options, Optional[Options]])  # noqa: UP045 - users write it
def test_a_hint_that_nobody_can_check_is_not_checked(hint: Any) -> None:
    """The flow runs with what it is given, and other parameters are coerced all the same."""

    def fn(x: Any, n: int) -> Any:
        return x, n

    fn.__annotations__["x"] = hint
    given: Any = {"level": 3} if hint in (Options, Optional[Options]) else []  # noqa: UP045
    given = given if hint is not Goes else Custom()
    assert flow(fn)(given, "3") == (given, 3)


def test_validate_parameters_may_be_called_by_hand() -> None:
    """It coerces a dict of parameters, and raises as a run would."""

    @flow
    def my_flow(x: int, y: str) -> None: ...

    assert my_flow.validate_parameters({"x": "3", "y": "a"}) == {"x": 3, "y": "a"}
    with pytest.raises(ParameterTypeError, match="y: Field required"):
        my_flow.validate_parameters({"x": "3"})
    with pytest.raises(ParameterTypeError):
        my_flow.validate_parameters({"x": "three", "y": "a"})


def test_parameters_are_serialised_to_json_types() -> None:
    """Models and dates become what JSON knows."""

    @flow
    def my_flow(x: Any, y: Any) -> None: ...

    serialised = my_flow.serialize_parameters({"x": [1, "a", None], "y": datetime.date(2026, 11, 26)})
    assert serialised == {"x": [1, "a", None], "y": "2026-11-26"}


def test_the_function_gets_its_own_mutable_arguments() -> None:
    """What is passed in is not copied where it need not be."""
    given: dict[str, Any] = {"a": [1]}

    @flow
    def my_flow(x: Any) -> bool:
        return x is given

    assert my_flow(given)


def test_a_default_may_be_a_field_of_pydantic() -> None:
    """Its default or its factory is used, and what is given is held against its constraints."""

    @flow
    def my_flow(
        days: int = pydantic.Field(default=7, gt=0),
        names: list[str] = pydantic.Field(default_factory=list),  # noqa: B008 - what is tested
    ) -> tuple[int, list[str]]:
        return days, names

    assert my_flow() == (7, [])
    assert my_flow("3", names=["a"]) == (3, ["a"])
    with pytest.raises(ParameterTypeError, match="days: Input should be greater than 0"):
        my_flow(0)


def test_each_run_gets_a_fresh_default_of_its_own() -> None:
    """A factory is called once per run."""

    @flow
    def my_flow(names: list[str] = pydantic.Field(default_factory=list)) -> list[str]:  # noqa: B008
        names.append("a")
        return names

    assert (my_flow(), my_flow()) == (["a"], ["a"])


def test_a_field_without_a_default_is_missing() -> None:
    """To be required is what the field says, though to Python it is a default."""

    @flow
    def my_flow(days: int = pydantic.Field(gt=0), more: Any = pydantic.Field(default=1)) -> int:  # noqa: B008
        return days + int(more)

    with pytest.raises(ParameterTypeError, match="days: Field required"):
        my_flow()
    assert my_flow(2) == 3
    with pytest.raises(ParameterTypeError, match="days: Field required"):
        my_flow.validate_parameters({})


class Old(pydantic.v1.BaseModel):
    """A model of pydantic's first version."""

    x: int


@pytest.mark.parametrize("hint", [Old, Optional[Old], Old | None, list[Old], dict[str, Old]])  # noqa: UP045
def test_models_of_the_first_pydantic_validate_themselves(hint: Any) -> None:
    """They are taken as they are, and made of dicts, within other hints too."""

    def fn(model: Any) -> Any:
        return model

    fn.__annotations__["model"] = hint
    shape: Any = (lambda model: [model]) if hint == list[Old] else (lambda model: {"a": model})
    shape = shape if hint in (list[Old], dict[str, Old]) else (lambda model: model)
    assert flow(fn)(shape({"x": "3"})) == shape(Old(x=3))
    given = Old(x=4)
    assert flow(fn)(shape(given)) == shape(given)
    with pytest.raises(ParameterTypeError, match="value is not a valid integer"):
        flow(fn)(shape({"x": "three"}))


class Secretive(pydantic.BaseModel):
    """A model with something to hide."""

    password: pydantic.SecretStr = pydantic.SecretStr("swordfish")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (b"ab", "ab"),
        (decimal.Decimal("1.50"), "1.50"),
        (pydantic.SecretStr("swordfish"), "**********"),
        (Secretive(), {"password": "**********"}),
        (Point(1), {"x": 1, "y": 0.0}),
        (Colour.RED, "red"),
        ({1: (2, 3)}, {"1": [2, 3]}),
        ("x" * 100_000, "x" * 100_000),
        (list(range(20_000)), list(range(20_000))),
        (len, "<built-in function len>"),
        (b"\xff", "b'\\xff'"),
    ],
)
def test_parameters_are_serialised_whole(given: Any, said: Any) -> None:
    """Whoever asks for them in JSON's types gets all of them, as pydantic says them."""

    @flow
    def my_flow(**anything: Any) -> None: ...

    assert my_flow.serialize_parameters({"x": given}) == {"x": said}
