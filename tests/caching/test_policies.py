"""From runs to keys."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace import task
from headrace.cache_policies import (
    DEFAULT,
    FLOW_PARAMETERS,
    INPUTS,
    NO_CACHE,
    RUN_ID,
    TASK_SOURCE,
    CachePolicy,
    CompoundCachePolicy,
    Inputs,
)
from headrace.core.hashing import hash_objects
from headrace.exceptions import HashError
from headrace.locking.memory import MemoryLockManager
from headrace.settings import temporary_settings
from headrace.tasks import task_input_hash


def context(flow_run: str | None = "f", task_run: str = "t", source: str = "s") -> Any:
    run = SimpleNamespace(flow_run_id=flow_run, id=task_run)
    return SimpleNamespace(task_run=run, task=SimpleNamespace(source_code=source, task_key="k"))


def key(policy: CachePolicy, ctx: Any = None, flow_parameters: Any = None, **inputs: Any) -> str | None:
    return policy.compute_key(task_ctx=ctx or context(), inputs=inputs, flow_parameters=flow_parameters or {})


@dataclass
class Point:
    x: int
    y: Any = None


class Plain:
    def __init__(self, x: Any) -> None:
        self.x = x


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=8,
)


def same(one: Any, other: Any) -> bool:
    """Say whether two values are equal and of the same kinds all through."""
    return repr(one) == repr(other)


@given(values, values)
def test_keys_are_equal_where_values_are(one: Any, other: Any) -> None:
    """And only there."""
    if same(one, other):
        assert hash_objects(one) == hash_objects(other)
    elif one != other:
        assert hash_objects(one) != hash_objects(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"x", "y", "z"}, {"z", "y", "x"}),
        (Point(1, [2]), Point(1, [2])),
        (Plain({"a": 1}), Plain({"a": 1})),
        (["ab" * 30, "ab" * 30], ["ab" * 30] * 2),
    ],
    ids=["dict", "set", "dataclass", "object", "shared"],
)
def test_equal_values_have_equal_keys_however_they_were_made(one: Any, other: Any) -> None:
    """Order of dicts and sets, and which parts are one object, do not count."""
    assert hash_objects(one) == hash_objects(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, True), (1, 1.0), (1, "1"), ("a", b"a"), ([1], (1,)), ({1: 2}, {"1": 2}), (Plain(1), Plain(2)), ([], [[]])],
    ids=["int-bool", "int-float", "int-str", "str-bytes", "list-tuple", "keys", "objects", "depth"],
)
def test_different_values_have_different_keys(one: Any, other: Any) -> None:
    """Of different kinds, too."""
    assert hash_objects(one) != hash_objects(other)


def test_keys_are_the_same_in_every_process() -> None:
    """Whatever the seed of Python's own hashes."""
    code = "from headrace.core.hashing import hash_objects; print(hash_objects({'a', 'b', 'c', ('d', 1)}, len))"
    keys = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(keys) == 1


def test_what_has_no_key_raises_and_says_what_to_write() -> None:
    """HashError, which is a ValueError too."""
    with pytest.raises(HashError, match="NO_CACHE"):
        key(INPUTS, lock=threading.Lock())
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(HashError, match="hold themselves"):
        key(INPUTS, loop=loop)


@pytest.mark.parametrize(
    ("policy", "first", "second", "equal"),
    [
        (INPUTS, {"x": 1}, {"x": 2}, False),
        (INPUTS, {"x": 1}, {"x": 1, "ctx": context("other", "other", "other")}, True),
        (INPUTS - "y", {"x": 1, "y": 1}, {"x": 1, "y": 2}, True),
        (DEFAULT - "y", {"x": 1, "y": 1}, {"x": 1, "y": 2}, True),
        (TASK_SOURCE, {"ctx": context(source="a")}, {"ctx": context(source="b")}, False),
        (TASK_SOURCE, {"x": 1}, {"x": 2}, True),
        (RUN_ID, {"ctx": context("a")}, {"ctx": context("b")}, False),
        (RUN_ID, {"ctx": context("a", "1")}, {"ctx": context("a", "2")}, True),
        (RUN_ID, {"ctx": context(None, "1")}, {"ctx": context(None, "2")}, False),
        (FLOW_PARAMETERS, {"flow_parameters": {"a": 1}}, {"flow_parameters": {"a": 2}}, False),
        (DEFAULT, {"x": 1}, {"x": 2}, False),
        (DEFAULT, {"x": 1}, {"x": 1, "ctx": context(source="other")}, False),
        (DEFAULT, {"x": 1}, {"x": 1, "ctx": context("other")}, False),
        (DEFAULT, {"x": 1}, {"x": 1, "ctx": context(task_run="other")}, True),
    ],
)
def test_what_a_key_depends_on(policy: CachePolicy, first: dict[str, Any], second: dict[str, Any], equal: bool) -> None:
    """Of each policy."""
    assert (key(policy, **first) == key(policy, **second)) is equal


def test_policies_add_up_in_any_order() -> None:
    """And NO_CACHE adds nothing."""
    assert key(INPUTS + RUN_ID, x=1) == key(RUN_ID + INPUTS, x=1) != key(INPUTS, x=1)
    assert INPUTS + NO_CACHE == NO_CACHE + INPUTS == INPUTS


def test_compound_policies_are_flat_and_have_one_inputs() -> None:
    """What any of several inputs excludes is excluded."""
    policy = CompoundCachePolicy([Inputs(["a"]), CompoundCachePolicy([TASK_SOURCE, INPUTS])]) - "b"
    assert isinstance(policy, CompoundCachePolicy)
    assert policy.policies == [TASK_SOURCE, Inputs(["a", "b"])]


@pytest.mark.parametrize("policy", [INPUTS, FLOW_PARAMETERS, NO_CACHE, NO_CACHE + NO_CACHE])
def test_nothing_to_go_by_is_no_key(policy: CachePolicy) -> None:
    """Not the key of nothing."""
    assert key(policy) is None


def test_only_names_can_be_taken_out() -> None:
    """TypeError."""
    with pytest.raises(TypeError, match="name of a parameter"):
        DEFAULT - 3  # type: ignore[operator]


def test_configure_gives_another_policy() -> None:
    """The first stays as it is, and what is configured is part of equality."""
    locks = MemoryLockManager()
    policy = INPUTS.configure(key_storage="/keys", lock_manager=locks, isolation_level="SERIALIZABLE")
    assert (policy.key_storage, policy.lock_manager, policy.isolation_level) == ("/keys", locks, "SERIALIZABLE")
    assert INPUTS.key_storage is None
    assert policy != INPUTS
    assert (policy + RUN_ID).key_storage == (policy - "x").key_storage == "/keys"


def test_an_isolation_level_that_there_is_not_is_refused() -> None:
    """ValueError, naming those that there are."""
    with pytest.raises(ValueError, match="READ_COMMITTED or SERIALIZABLE, not 'STRICT'"):
        INPUTS.configure(isolation_level="STRICT")


def test_policies_that_contradict_one_another_do_not_add_up() -> None:
    """ValueError, naming what they differ in."""
    with pytest.raises(ValueError, match="key_storage"):
        INPUTS.configure(key_storage="/a") + RUN_ID.configure(key_storage="/b")


def test_policies_of_your_own_may_be_dataclasses() -> None:
    """They need compute_key, and nothing else."""

    @dataclass
    class Weekly(CachePolicy):
        week: int = 0

        def compute_key(self, task_ctx: Any, inputs: Any, flow_parameters: Any, **kwargs: Any) -> str:
            return f"week-{self.week}"

    assert key(Weekly(week=3)) == "week-3"
    assert key(Weekly(week=3) + INPUTS, x=1) != key(Weekly(week=4) + INPUTS, x=1)


def test_the_policy_of_a_task_follows_from_its_arguments() -> None:
    """As Prefect 3 has it."""
    assert task(len).cache_policy == DEFAULT
    assert task(persist_result=True)(len).cache_policy == DEFAULT
    assert task(persist_result=False)(len).cache_policy == NO_CACHE
    assert task(result_storage_key="k")(len).cache_policy is None
    assert task(cache_policy=NO_CACHE)(len).cache_policy == NO_CACHE
    assert task(cache_policy=NO_CACHE)(len).persist_result is None
    assert task(cache_policy=INPUTS)(len).persist_result is True
    assert task(cache_key_fn=lambda context, parameters: "k")(len).persist_result is True


def test_settings_turn_caching_off() -> None:
    """For tasks that say nothing, or for all."""
    with temporary_settings({"tasks_default_no_cache": True}):
        assert task(len).cache_policy == NO_CACHE
        assert task(cache_policy=INPUTS)(len).cache_policy == INPUTS
    with temporary_settings({"tasks_disable_caching": True}):
        assert task(cache_policy=INPUTS)(len).cache_policy == NO_CACHE


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"cache_policy": INPUTS, "cache_key_fn": len}, "cache_policy and a cache_key_fn"),
        ({"cache_policy": INPUTS, "persist_result": False}, "persist_result=False"),
    ],
)
def test_arguments_that_contradict_one_another_warn(options: dict[str, Any], match: str) -> None:
    """At the line of the decorator."""
    with pytest.warns(UserWarning, match=match) as caught:
        task(**options)(len)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "options",
    [{"cache_policy": "INPUTS"}, {"cache_key_fn": "k"}, {"cache_expiration": 3600}, {"result_storage_key": 1}],
)
def test_what_is_of_the_wrong_kind_is_refused(options: dict[str, Any]) -> None:
    """TypeError, naming the argument."""
    (name,) = options
    with pytest.raises(TypeError, match=name):
        task(**options)(len)


def test_task_input_hash_is_none_for_what_has_no_key() -> None:
    """And a string for all else."""
    assert task_input_hash(context(), {"x": threading.Lock()}) is None
    assert isinstance(task_input_hash(context(), {"x": [1]}), str)
