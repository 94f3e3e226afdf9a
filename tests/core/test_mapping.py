"""Spreading the arguments of a map over its calls."""

from __future__ import annotations

import inspect
import io
import itertools
import tempfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.parameters import Binder
from headrace.core.walk import allow_failure, is_mappable, map_arguments, opaque, quote, unmapped
from headrace.exceptions import MappingLengthMismatch, MappingMissingIterable


@given(st.lists(st.tuples(st.integers(), st.text()), min_size=0, max_size=20), st.integers())
def test_a_map_is_a_zip_of_its_iterables(rows: list[tuple[int, str]], constant: int) -> None:
    """The n-th call gets the n-th items; what can't be iterated over is the same in all."""
    parameters = {"x": [x for x, _ in rows], "y": tuple(y for _, y in rows), "z": constant}
    calls = map_arguments("t", parameters)
    assert calls == [{"x": x, "y": y, "z": constant} for x, y in rows]


class TestWhatIsMapped:
    @pytest.mark.parametrize("value", [[], (), {1}, {"a": 1}, range(3), iter([1]), {}.items(), itertools.repeat(1, 2)])
    def test_what_iter_takes_is_mapped_over(self, value: object) -> None:
        """Collections, views, iterators."""
        assert is_mappable(value)

    @pytest.mark.parametrize(
        "value",
        [
            "text",
            b"bytes",
            bytearray(b"x"),
            3,
            None,
            object(),
            io.StringIO("lines"),
            *[a([1]) for a in (unmapped, quote)],
        ],
    )
    def test_strings_files_and_annotations_are_not(self, value: object) -> None:
        """They are one argument each."""
        assert not is_mappable(value)

    def test_a_temporary_file_is_a_file(self) -> None:
        """Though it is no `IOBase`."""
        with tempfile.NamedTemporaryFile() as file:
            assert not is_mappable(file)

    def test_a_generator_is_consumed_once(self) -> None:
        """It is read when the map is made."""
        assert map_arguments("t", {"x": (n for n in range(2)), "y": {"a": 1, "b": 2}}) == [
            {"x": 0, "y": "a"},
            {"x": 1, "y": "b"},
        ]

    def test_an_empty_iterable_makes_no_call(self) -> None:
        """An empty list of futures comes back."""
        assert map_arguments("t", {"x": [], "y": 3}) == []


class TestAnnotations:
    def test_unmapped_is_the_same_in_every_call(self) -> None:
        """Even a list."""
        shared = [3, 4]
        first, second = map_arguments("t", {"x": [1, 2], "y": unmapped(shared)})
        assert first["y"] is second["y"] is shared

    @pytest.mark.parametrize("annotation", [allow_failure, quote, opaque])
    def test_other_annotations_are_put_on_each_item(self, annotation: Any) -> None:
        """Each call then treats its own item so."""
        assert map_arguments("t", {"x": annotation([1, 2])}) == [{"x": annotation(1)}, {"x": annotation(2)}]

    @pytest.mark.parametrize("annotation", [allow_failure, quote, opaque])
    def test_around_unmapped_they_stay_around_the_constant(self, annotation: Any) -> None:
        """Both are obeyed, in either order."""
        for value in (annotation(unmapped([3])), unmapped(annotation([3]))):
            assert map_arguments("t", {"x": [1], "y": value}) == [{"x": 1, "y": annotation([3])}]

    def test_an_annotated_constant_is_passed_as_it_is(self) -> None:
        """There is nothing in it to spread."""
        constant = quote(5)
        assert map_arguments("t", {"x": [1], "y": constant})[0]["y"] is constant


class TestSignatures:
    def test_defaults_are_added_and_never_mapped_over(self) -> None:
        """A default that is a list is the same in every call."""
        calls = map_arguments("t", {"x": [1, 2]}, defaults={"x": [0], "y": (7, 8, 9)})
        assert calls == [{"x": 1, "y": (7, 8, 9)}, {"x": 2, "y": (7, 8, 9)}]

    def test_each_item_of_the_stars_is_spread_on_its_own(self) -> None:
        """As if it had a name."""

        def fn(*xs: int, **kw: int) -> None: ...

        binder = Binder("fn", inspect.signature(fn))
        parameters = binder.given(([1, 2], 0), {"a": [3, 4], "b": unmapped([5])})
        stars = {"var_positional": binder.var_positional, "var_keyword": binder.var_keyword}
        assert map_arguments("fn", parameters, defaults=binder.defaults, **stars) == [
            {"xs": (1, 0), "kw": {"a": 3, "b": [5]}},
            {"xs": (2, 0), "kw": {"a": 4, "b": [5]}},
        ]


class TestErrors:
    def test_lengths_that_differ_are_listed(self) -> None:
        """Each iterable with its length, those of the stars too."""
        with pytest.raises(MappingLengthMismatch, match=r"add\.map .* x has 1, xs\[1\] has 2, k has 3") as caught:
            map_arguments(
                "add",
                {"x": [1], "y": 3, "xs": (0, [1, 2]), "kw": {"k": [1, 2, 3]}},
                var_positional="xs",
                var_keyword="kw",
            )
        assert "unmapped(...)" in str(caught.value)

    def test_an_empty_iterable_beside_a_longer_one_is_an_error(self) -> None:
        """It is not an empty map."""
        with pytest.raises(MappingLengthMismatch, match="x has 0, y has 1"):
            map_arguments("t", {"x": [], "y": [1]})

    @pytest.mark.parametrize(
        ("parameters", "given_"),
        [
            ({}, "nothing"),
            ({"x": 1, "y": unmapped([1])}, "only x, y"),
            ({"s": "text"}, "only s"),
            ({"xs": ()}, "only xs"),
        ],
    )
    def test_nothing_to_iterate_over_is_an_error(self, parameters: dict[str, Any], given_: str) -> None:
        """The message tells what was given."""
        with pytest.raises(MappingMissingIterable, match=rf"t\.map needs an iterable .* given {given_}"):
            map_arguments("t", parameters, var_positional="xs")
