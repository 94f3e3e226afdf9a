"""The small things in `headrace.utilities`."""

import asyncio
import hashlib
import io
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Any, NamedTuple

import cloudpickle  # type: ignore[import-untyped]
import pydantic
import pytest

from headrace.exceptions import (
    HashError,
    MappingLengthMismatch,
    MappingMissingIterable,
    ParameterBindError,
    ReservedArgumentError,
)
from headrace.utilities import asyncutils, callables, names
from headrace.utilities.annotations import Annotation, allow_failure, quote, unmapped
from headrace.utilities.collections import (
    AutoEnum,
    StopVisiting,
    batched_iterable,
    deep_merge,
    deep_merge_dicts,
    dict_to_flatdict,
    distinct,
    ensure_iterable,
    extract_instances,
    flatdict_to_dict,
    get_from_dict,
    isiterable,
    listrepr,
    remove_nested_keys,
    set_in_dict,
    visit_collection,
)
from headrace.utilities.hashing import file_hash, hash_objects, stable_hash

# --- collections -----------------------------------------------------------------------------------------------


@dataclass
class Pair:
    """Two things."""

    x: Any
    y: Any


class Model(pydantic.BaseModel):
    """Two things, checked."""

    model_config = pydantic.ConfigDict(extra="allow")

    x: int
    _hidden: int = pydantic.PrivateAttr(default=4)


class Named(NamedTuple):
    """Two things, by name."""

    x: int
    y: int


def negative_if_even(x: Any) -> Any:
    return -x if isinstance(x, int) and x % 2 == 0 else x


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (3, 3),
        (4, -4),
        ([3, 4, [5, [6]]], [3, -4, [5, [-6]]]),
        ((3, 4), (3, -4)),
        ({3: [4, {6: 7}]}, {3: [-4, {-6: 7}]}),
        ({3, 4}, {3, -4}),
        (Pair(1, [2]), Pair(1, [-2])),
        (Model(x=2, y=4), Model(x=-2, y=-4)),
        (Named(1, 2), Named(1, -2)),
        ("24", "24"),
        (b"24", b"24"),
        ([unmapped(2)], [unmapped(-2)]),
    ],
    ids=repr,
)
def test_a_visitor_replaces_what_is_inside(before: Any, after: Any) -> None:
    """Keys of dicts too, private attributes of models not; nothing comes back unless it is asked for."""
    assert visit_collection(before, negative_if_even, return_data=True) == after
    assert visit_collection(before, negative_if_even) is None


def test_what_a_visitor_leaves_alone_is_the_same_object() -> None:
    """Files and iterators are not read, and a shared part stays shared."""
    kept = [[1, 3], {"a": (5,)}, io.StringIO("a\nb"), iter([2])]
    assert visit_collection(kept, negative_if_even, return_data=True) is kept
    assert next(kept[-1]) == 2  # type: ignore[call-overload]
    shared = [2]
    one, other = visit_collection([shared, shared], negative_if_even, return_data=True)
    assert one is other
    assert one == [-2]


def test_a_visitor_meets_containers_before_what_they_hold() -> None:
    """So it may change what is entered, and stop."""
    seen: list[Any] = []

    def without_x(node: Any) -> Any:
        seen.append(node)
        return {key: value for key, value in node.items() if key != "x"} if isinstance(node, dict) else node

    assert visit_collection({"x": 1, "y": 2}, without_x, return_data=True) == {"y": 2}
    assert seen == [{"x": 1, "y": 2}, "y", 2]

    def stop_at_tuples(node: Any) -> Any:
        if isinstance(node, tuple):
            raise StopVisiting
        return negative_if_even(node)

    assert visit_collection([2, (2,)], stop_at_tuples, return_data=True) == [-2, (2,)]


def test_a_visitor_knows_which_annotation_it_is_in() -> None:
    """Each level has a context of its own."""
    seen: dict[int, Any] = {}

    def note(node: Any, context: dict[str, Any]) -> Any:
        if isinstance(node, int):
            seen[node] = context.get("annotation")
        return node

    value = [1, allow_failure([2]), quote(3)]
    assert visit_collection(value, note, return_data=True, context={}, remove_annotations=True) == [1, [2], 3]
    assert {number: type(annotation) for number, annotation in seen.items()} == {
        1: type(None),
        2: allow_failure,
        3: quote,
    }
    assert isinstance(seen[2], Annotation)


@pytest.mark.parametrize(
    ("depth", "after"), [(0, [2, [2, [2]]]), (1, [-2, [2, [2]]]), (2, [-2, [-2, [2]]]), (-1, [-2, [-2, [-2]]])]
)
def test_a_visit_goes_as_deep_as_it_is_told(depth: int, after: Any) -> None:
    """Below 0 is all the way."""
    assert visit_collection([2, [2, [2]]], negative_if_even, return_data=True, max_depth=depth) == after


def test_a_visit_of_a_cycle_ends() -> None:
    """Each container is entered once."""
    cycle: list[Any] = [1]
    cycle.append(cycle)
    assert visit_collection(cycle, negative_if_even, return_data=True) is cycle


def test_dicts_are_flattened_and_nested_again() -> None:
    """Empty dicts are values."""
    nested = {1: 2, 2: {1: 2, 3: {4: 5}}, 3: {}}
    flat = {(1,): 2, (2, 1): 2, (2, 3, 4): 5, (3,): {}}
    assert dict_to_flatdict(nested) == flat
    assert flatdict_to_dict(flat) == nested


def test_dicts_are_read_written_and_merged_by_path() -> None:
    """By dots, or by a list of keys."""
    values: dict[str, Any] = {"a": {"b": [10, {"c": 1}]}}
    assert get_from_dict(values, "a.b[0]") == get_from_dict(values, ["a", "b", 0]) == 10
    assert get_from_dict(values, "a.b[1].c") == 1
    assert get_from_dict(values, "a.x", 5) == 5
    assert get_from_dict(values, "a.b[7]") is None
    set_in_dict(values, "a.d.e", 2)
    assert values["a"]["d"] == {"e": 2}
    with pytest.raises(TypeError, match="'b'"):
        set_in_dict(values, ["a", "b", "c"], 1)
    assert deep_merge({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}, "d": 4}) == {"a": {"b": 3, "c": 2}, "d": 4}
    assert deep_merge_dicts({"a": 1}, {"a": {"b": 1}}, {"a": {"c": 2}}) == {"a": {"b": 1, "c": 2}}
    assert remove_nested_keys(["x"], {"x": 1, "y": {"x": 2, "z": 3}}) == {"y": {"z": 3}}
    assert remove_nested_keys(["x"], "x") == "x"


def test_iterables_are_told_from_what_only_looks_like_them() -> None:
    """Strings and files are single things."""
    assert [isiterable(x) for x in ([1], (1,), {1: 2}, iter([]), "a", b"a", io.StringIO(), 5, None)] == [
        *(True, True, True, True),
        *(False, False, False, False, False),
    ]
    assert ensure_iterable([1]) == [1]
    assert ensure_iterable(1) == [1]
    assert listrepr([1, "a"], sep=", ") == "1, 'a'"
    assert list(batched_iterable(range(5), 2)) == [(0, 1), (2, 3), (4,)]
    assert list(distinct([1, -1, 2, 1], key=abs)) == [1, 2]
    assert extract_instances([1, "a", 2], int) == [1, 2]
    assert extract_instances([1, "a"], (int, str)) == {int: [1], str: ["a"]}


def test_members_of_an_auto_enum_are_their_names() -> None:
    """As strings, too."""

    class Color(AutoEnum):
        RED = AutoEnum.auto()

    assert Color.RED.value == Color.RED == "RED"
    assert repr(Color.RED) == str(Color.RED) == "Color.RED"


# --- callables -------------------------------------------------------------------------------------------------


def add(a: int, /, b: int, *rest: int, c: int = 3, **more: int) -> Any:
    return a, b, rest, c, more


def test_calls_become_parameters_and_parameters_calls() -> None:
    """With stars, and with defaults or without."""
    parameters = callables.get_call_parameters(add, (1, 2, 4), {"d": 5})
    assert parameters == {"a": 1, "b": 2, "rest": (4,), "c": 3, "more": {"d": 5}}
    assert "c" not in callables.get_call_parameters(add, (1, 2), {}, apply_defaults=False)
    assert callables.parameters_to_args_kwargs(add, parameters) == ((1, 2, 4), {"c": 3, "d": 5})
    assert callables.call_with_parameters(add, parameters) == (1, 2, (4,), 3, {"d": 5})
    assert callables.get_parameter_defaults(add) == {"c": 3}
    assert cloudpickle.loads(callables.cloudpickle_wrapped_call(add, 1, b=2)()) == (1, 2, (), 3, {})
    with pytest.raises(ParameterBindError, match="'b'"):
        callables.get_call_parameters(add, (1,), {})
    with pytest.raises(ParameterBindError, match="'b'"):
        callables.parameters_to_args_kwargs(add, {"a": 1})


def test_keywords_are_spread_out_and_gathered() -> None:
    """Only where the function takes any."""

    def plain(a: int) -> None: ...

    def keywords(a: int, **kw: int) -> None: ...

    assert callables.explode_variadic_parameter(keywords, {"a": 1, "kw": {"c": 2}}) == {"a": 1, "c": 2}
    assert callables.explode_variadic_parameter(plain, {"a": 1}) == {"a": 1}
    assert callables.collapse_variadic_parameters(keywords, {"a": 1, "c": 2}) == {"a": 1, "kw": {"c": 2}}
    assert callables.collapse_variadic_parameters(keywords, {"a": 1}) == {"a": 1}
    with pytest.raises(ValueError, match="'c'"):
        callables.collapse_variadic_parameters(plain, {"a": 1, "c": 2})


def test_parameters_of_a_map_are_expanded_as_map_does() -> None:
    """One dict per call."""

    def pair(x: int, y: Any = 9) -> None: ...

    expand = partial(callables.expand_mapping_parameters, pair)
    assert expand({"x": [1, 2], "y": unmapped([3])}) == [{"x": 1, "y": [3]}, {"x": 2, "y": [3]}]
    assert expand({"x": [1]}) == [{"x": 1, "y": 9}]
    with pytest.raises(MappingLengthMismatch):
        expand({"x": [1, 2], "y": [3]})
    with pytest.raises(MappingMissingIterable):
        expand({"x": 1})
    with pytest.raises(ReservedArgumentError, match="'x' is a reserved argument name"):
        callables.raise_for_reserved_arguments(pair, ["w", "x"])


# --- hashing, names --------------------------------------------------------------------------------------------


def test_hashes_of_texts_files_and_objects_are_stable(tmp_path: Path) -> None:
    """MD5 unless another algorithm is given; what can't be hashed is None."""
    assert stable_hash("hello", b"goodbye") == hashlib.md5(b"hellogoodbye").hexdigest()
    assert stable_hash("a", hash_algo=hashlib.sha256) == hashlib.sha256(b"a").hexdigest()
    path = tmp_path / "file"
    path.write_text("0")
    assert file_hash(path) == file_hash(str(path)) == hashlib.md5(b"0").hexdigest()
    with pytest.raises(FileNotFoundError):
        file_hash(tmp_path / "none")
    assert hash_objects(1, a={"x": 2, "y": 3}) == hash_objects(1, a={"y": 3, "x": 2}) != hash_objects(2)
    assert hash_objects(Pair(1, 2)) == hash_objects(Pair(1, 2)) != hash_objects(Pair(1, 3))
    assert hash_objects(threading.Lock()) is None
    with pytest.raises(HashError, match=r"JSON error.*Pickle error"):
        hash_objects(threading.Lock(), raise_on_failure=True)


@pytest.mark.parametrize(
    ("text", "tail"),
    [("", "********"), ("abcdefghij", "********"), ("abcdefghijkl", "******kl"), ("abcdefghijklmnopq", "****nopq")],
)
def test_secrets_are_hidden(text: str, tail: str) -> None:
    """All of a short one, and nearly all of a long one."""
    assert names.obfuscate_string(text) == names.obfuscate(text) == "********"
    assert names.obfuscate_string(text, show_tail=True) == names.obfuscate(text, show_tail=True) == tail
    assert names.obfuscate({"x": "abcdefghijklmnopq"}, show_tail=True) == "********"


def test_slugs_have_the_words_that_are_asked_for() -> None:
    """Two, or more."""
    assert len(names.generate_slug(2).split("-")) == 2
    assert len(names.generate_slug(4).split("-")) == 4


# --- async -----------------------------------------------------------------------------------------------------


async def total(x: int, y: int, z: int = 3) -> int:
    return x + y + z


def test_async_functions_are_known_through_what_wraps_them() -> None:
    """`functools.wraps` leaves a trace."""

    @wraps(total)
    def wrapper(*args: Any) -> Any: ...

    @asynccontextmanager
    async def context() -> Any:
        yield 1

    assert asyncutils.is_async_fn(total)
    assert asyncutils.is_async_fn(wrapper)
    assert not asyncutils.is_async_fn(lambda: 1)
    assert not asyncutils.is_async_fn(context)
    assert asyncutils.is_async_gen_fn(context)


def test_sync_code_runs_coroutines() -> None:
    """Even where an event loop is running in the same thread."""
    assert asyncutils.run_coro_as_sync(total(1, 2)) == 6
    assert asyncutils.run_async_in_new_loop(total, 1, y=2) == 6

    async def main() -> int:
        with pytest.raises(RuntimeError, match="Already running"):
            asyncutils.run_async_in_new_loop(total, 1, 2)
        return asyncutils.run_coro_as_sync(total(1, 2))

    assert asyncio.run(main()) == 6


def test_a_sync_compatible_function_is_called_or_awaited() -> None:
    """Methods too; and either way on request."""

    class Thing:
        @asyncutils.sync_compatible
        async def method(self, x: int) -> int:
            return x

    function = asyncutils.sync_compatible(total)
    assert (function(1, y=2), Thing().method(3)) == (6, 3)
    assert function.aio is total  # type: ignore[attr-defined]

    async def main() -> list[Any]:
        return [await function(1, 2), await Thing().method(3), function(1, 2, _sync=True)]

    assert asyncio.run(main()) == [6, 3, 6]
    assert asyncio.run(function(1, 2, _sync=False)) == 6
    with pytest.raises(TypeError, match="must be async"):
        asyncutils.sync_compatible(lambda: 1)  # type: ignore[arg-type,return-value]


def test_async_code_calls_sync_functions_and_gathers() -> None:
    """In a thread, and side by side."""

    async def main() -> Any:
        thread = await asyncutils.run_sync_in_worker_thread(threading.get_ident)
        return thread, await asyncutils.gather(*[partial(total, n, 0) for n in range(3)])

    thread, sums = asyncio.run(main())
    assert thread != threading.get_ident()
    assert sums == [3, 4, 5]
