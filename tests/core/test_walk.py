"""Walking through values: what is visited, what is rebuilt, and what is left alone."""

from __future__ import annotations

import collections
import dataclasses
import enum
import pickle
from typing import Any, NamedTuple
from unittest.mock import Mock

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.core.walk import allow_failure, found, known, looked_through, opaque, parts, quote, unmapped, walk
from headrace.utilities import annotations as public


class Leaf:
    """An object of the user's own."""

    def __init__(self, value: object = "resolved") -> None:
        self.value = value


def resolve(leaf: Any) -> Any:
    return leaf.value if isinstance(leaf, Leaf) else leaf


class Point(NamedTuple):
    x: Any
    y: Any


@dataclasses.dataclass
class Box:
    inside: Any
    label: str = "box"
    counted: int = dataclasses.field(default=0, init=False)

    def __post_init__(self) -> None:
        self.counted += 1


@dataclasses.dataclass(frozen=True, slots=True)
class FrozenBox:
    inside: Any


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True, extra="allow")
    inside: Any
    number: int = 3
    _secret: str = pydantic.PrivateAttr("kept")


class Root(pydantic.RootModel[list[Any]]):
    """A model that is a list."""


scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.binary(), st.floats(allow_nan=False))
hashables = st.one_of(scalars, st.builds(Leaf, scalars))
nested = st.recursive(
    hashables,
    lambda child: st.one_of(
        st.lists(child),
        st.lists(child).map(tuple),
        st.dictionaries(hashables, child),
        st.sets(hashables),
        st.frozensets(hashables),
        st.builds(Box, child),
        st.builds(FrozenBox, child),
        st.builds(Point, child, child),
        st.builds(lambda inside: Model(inside=inside), child),
    ),
    max_leaves=20,
)


def leaves(value: Any) -> list[Leaf]:
    """Return the leaves inside, by a plain recursion that knows nothing of `walk`."""
    if isinstance(value, Leaf):
        return [value]
    if isinstance(value, dict):
        return [leaf for item in [*value, *value.values()] for leaf in leaves(item)]
    if isinstance(value, Box | FrozenBox | Model):
        return leaves(value.inside)
    return (
        [leaf for item in value for leaf in leaves(item)] if isinstance(value, list | tuple | set | frozenset) else []
    )


class TestIdentity:
    @given(nested)
    def test_where_nothing_changes_the_very_same_object_comes_back(self, value: Any) -> None:
        """No copy of anything."""
        assert walk(value, lambda leaf: leaf) is value

    @given(nested)
    def test_every_leaf_is_visited_and_nothing_else(self, value: Any) -> None:
        """As often as it occurs, scalars and collections never."""
        visited: list[object] = []

        def visit(leaf: object) -> object:
            visited.append(leaf)
            return leaf

        walk(value, visit)
        seen = [id(leaf) for leaf in visited if not isinstance(leaf, Box | FrozenBox | Model)]
        assert set(seen) == {id(leaf) for leaf in leaves(value)}

    @given(nested)
    def test_no_leaf_is_left_after_a_walk_that_replaces_them(self, value: Any) -> None:
        """And a second walk finds nothing to do."""
        walked = walk(value, resolve)
        assert leaves(walked) == []
        assert walk(walked, resolve) is walked
        assert (walked is value) == (not leaves(value))

    def test_what_did_not_change_is_shared_with_the_original(self) -> None:
        """Only the way to a change is rebuilt."""
        untouched = [1, [2]]
        value = [untouched, [Leaf()]]
        walked = walk(value, resolve)
        assert walked == [untouched, ["resolved"]]
        assert walked[0] is untouched
        assert value[1] != ["resolved"]

    def test_shared_parts_stay_shared(self) -> None:
        """A list that occurs twice is rebuilt once."""
        shared = [Leaf()]
        walked = walk([shared, shared], resolve)
        assert walked[0] is walked[1]


class TestRebuilding:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (Leaf(), "resolved"),
            ([Leaf(), 1], ["resolved", 1]),
            ((Leaf(),), ("resolved",)),
            ({Leaf()}, {"resolved"}),
            (frozenset({Leaf()}), frozenset({"resolved"})),
            ({"a": Leaf()}, {"a": "resolved"}),
            ({Leaf(): 1}, {"resolved": 1}),
            (Point(1, Leaf()), Point(1, "resolved")),
            (FrozenBox(Leaf()), FrozenBox("resolved")),
            ([{"a": (Leaf(),)}], [{"a": ("resolved",)}]),
            (collections.OrderedDict(a=Leaf()), collections.OrderedDict(a="resolved")),
        ],
    )
    def test_containers_keep_their_type(self, value: Any, expected: Any) -> None:
        """Built-in collections, named tuples, dataclasses."""
        walked = walk(value, resolve)
        assert walked == expected
        assert type(walked) is type(expected)

    def test_the_order_of_a_dict_stays(self) -> None:
        """Keys that were replaced keep their place."""
        assert list(walk({"b": 1, Leaf("x"): 2, "a": Leaf()}, resolve)) == ["b", "x", "a"]

    def test_a_dataclass_is_copied_without_running_its_post_init(self) -> None:
        """What it worked out when it was made is not worked out again."""
        box = Box(Leaf())
        walked = walk(box, resolve)
        assert (walked.inside, walked.label, walked.counted) == ("resolved", "box", 1)
        assert isinstance(box.inside, Leaf)

    def test_a_dataclass_with_an_unset_field_is_walked(self) -> None:
        """What isn't there can't be visited."""
        box = Box(Leaf())
        del box.counted
        assert walk(box, resolve).inside == "resolved"

    def test_a_model_is_copied_with_its_extras_and_private_attributes(self) -> None:
        """Fields and extras are entered; validators do not run again."""
        model = Model.model_validate({"inside": [Leaf()], "more": Leaf("extra")})
        walked = walk(model, resolve)
        assert walked.inside == ["resolved"]
        assert walked.model_extra == {"more": "extra"}
        assert walked._secret == "kept"
        assert isinstance(model.inside[0], Leaf)
        assert walk(Root([Leaf()]), resolve) == Root(["resolved"])

    def test_subclasses_of_dict_keep_what_they_know(self) -> None:
        """A defaultdict its factory, a counter its counts."""
        walked = walk(collections.defaultdict(list, a=Leaf()), resolve)
        assert walked["b"] == []
        assert walk(collections.Counter({Leaf("x"): 2}), resolve) == collections.Counter(x=2)

    def test_a_list_of_another_class_becomes_a_plain_list_once_it_changes(self) -> None:
        """A list of futures that have become values is no list of futures."""

        class Futures(list[Any]): ...

        unchanged = Futures([1])
        assert walk(unchanged, resolve) is unchanged
        assert type(walk(Futures([Leaf()]), resolve)) is list

    def test_a_dataclass_that_the_visitor_replaces_is_not_entered(self) -> None:
        """The visitor is asked first."""
        walked = walk([Box(Leaf())], lambda leaf: "replaced" if isinstance(leaf, Box) else pytest.fail("entered"))
        assert walked == ["replaced"]


class TestWhatIsLeftAlone:
    def test_iterators_are_not_consumed(self) -> None:
        """A generator is a leaf."""
        generator = (n for n in range(3))
        assert walk([generator], resolve)[0] is generator
        assert list(generator) == [0, 1, 2]

    def test_states_classes_and_enums_are_leaves(self) -> None:
        """Though states and some classes are, or describe, dataclasses."""
        colour = enum.Enum("colour", ["red"])
        for leaf in (State(StateType.COMPLETED, data=[Leaf()]), Box, Model, colour.red):
            assert parts(leaf) is None
            assert walk(leaf, resolve) is leaf

    @pytest.mark.parametrize("spec", [list, dict, Box, Model, Leaf])
    def test_a_mock_is_not_taken_for_what_it_imitates(self, spec: type) -> None:
        """It says it is a list, and can't be iterated over."""
        mock = Mock(spec=spec)
        assert walk([mock], lambda leaf: leaf)[0] is mock

    def test_a_cycle_ends(self) -> None:
        """What holds itself is looked at once, and keeps pointing at its original."""
        value: list[Any] = [Leaf()]
        value.append(value)
        walked = walk(value, resolve)
        assert walked[0] == "resolved"
        assert walked[1] is value
        assert found(value, lambda item: isinstance(item, Leaf)) == [value[0]]

    def test_a_web_of_shared_lists_is_walked_in_linear_time(self) -> None:
        """Each of forty lists holds the next one twice: 2^40 ways, forty lists."""
        value: list[Any] = [Leaf()]
        for _ in range(40):
            value = [value, value]
        assert found(walk(value, resolve), lambda item: isinstance(item, Leaf)) == []

    def test_depth_limits_how_many_levels_are_entered(self) -> None:
        """0 looks at the value itself only."""
        inner, value = Leaf(), [Leaf(), [Leaf()]]
        assert walk(inner, resolve, depth=0) == "resolved"
        assert walk(value, resolve, depth=0) is value
        assert walk(value, resolve, depth=1)[0] == "resolved"
        assert isinstance(walk(value, resolve, depth=1)[1][0], Leaf)

    def test_an_error_of_the_visitor_travels(self) -> None:
        """A failed upstream run is raised from here."""
        with pytest.raises(ZeroDivisionError):
            walk([Leaf()], lambda leaf: 1 / 0)


class TestAnnotations:
    def test_they_are_taken_off_wherever_they_are(self) -> None:
        """The function gets the value."""
        assert walk({"a": unmapped([Leaf()]), "b": [allow_failure(Leaf())]}, resolve) == {
            "a": ["resolved"],
            "b": ["resolved"],
        }

    def test_quote_passes_its_value_unexamined(self) -> None:
        """Not even its top level is visited."""
        leaf, inside = Leaf(), [Leaf()]
        assert walk(quote(leaf), resolve) is leaf
        assert walk([quote(inside)], resolve)[0] is inside
        assert found(quote([leaf]), lambda item: isinstance(item, Leaf)) == []

    def test_opaque_resolves_its_top_level_only(self) -> None:
        """The value itself, nothing inside."""
        inside = [Leaf()]
        assert walk(opaque(Leaf()), resolve) == "resolved"
        assert walk([opaque(inside)], resolve)[0] is inside
        assert found(opaque(inside), lambda item: isinstance(item, Leaf)) == []
        assert found(opaque(inside[0]), lambda item: isinstance(item, Leaf)) == inside

    def test_inside_allow_failure_the_lenient_visitor_is_asked(self) -> None:
        """And nowhere else."""
        value = [Leaf(), allow_failure([Leaf(), opaque(Leaf())]), Leaf()]
        walked = walk(value, resolve, lenient=lambda leaf: "excused")
        assert walked == ["resolved", ["excused", "excused"], "resolved"]

    def test_nested_annotations_all_count(self) -> None:
        """In either order."""
        for value in (allow_failure(unmapped(Leaf())), unmapped(allow_failure(Leaf()))):
            assert walk(value, resolve, lenient=lambda leaf: "excused") == "excused"

    @pytest.mark.parametrize("kind", [unmapped, allow_failure, quote, opaque])
    def test_an_annotation_is_a_value(self, kind: type[public.Annotation[Any]]) -> None:
        """It compares, prints, and gives its value back."""
        assert kind(3) == kind(3) != kind(4)
        assert hash(kind(3)) == hash(kind(3))
        assert repr(kind("a")) == f"{kind.__name__}('a')"
        assert kind(3).unwrap() == kind(3).value == 3
        assert kind(3).rewrap(4) == kind(4)
        assert pickle.loads(pickle.dumps(kind(3))) == kind(3)
        assert quote(3) != opaque(3)

    def test_quote_and_unmapped_have_ways_of_their_own(self) -> None:
        """`unquote`, and an index that doesn't matter."""
        assert quote([1]).unquote() == [1]
        assert unmapped([1])[17] == [1]
        with pytest.raises(TypeError):
            iter(unmapped([1]))

    def test_they_are_found_where_users_import_them_from(self) -> None:
        """`headrace.utilities.annotations`."""
        assert public.unmapped is unmapped


class TestSearching:
    @given(nested)
    def test_everything_that_is_wanted_is_found_once(self, value: Any) -> None:
        """By identity, and nothing else."""
        hits = found(value, lambda item: isinstance(item, Leaf))
        assert {id(hit) for hit in hits} == {id(leaf) for leaf in leaves(value)}
        assert len({id(hit) for hit in hits}) == len(hits)

    def test_what_is_found_is_in_order_and_is_not_looked_into(self) -> None:
        """Containers may be wanted too."""
        first, second = Leaf(), Leaf()
        assert found([first, {"k": second}, first], lambda item: isinstance(item, Leaf)) == [first, second]
        boxes = [Box(Box(1)), Box(2)]
        assert found(boxes, lambda item: isinstance(item, Box)) == boxes
        assert found(boxes, lambda item: item is boxes) == [boxes]

    def test_a_scalar_or_a_plain_dict_can_be_wanted_itself(self) -> None:
        """Scalars inside containers are not asked about."""
        assert found("text", lambda item: item == "text") == ["text"]
        assert found(["text"], lambda item: item == "text") == []
        assert found({"a": 1}, lambda item: isinstance(item, dict)) == [{"a": 1}]


class TestKnownObjects:
    def test_objects_are_known_by_their_identity(self) -> None:
        """Scalars, containers and objects, at any depth; each once, in order."""
        text, numbers, leaf = "".join(["te", "xt"]), [1, 2], Leaf()
        by_id = {id(text): "t", id(numbers): "n", id(leaf): "l"}
        assert known({"a": [text, leaf], "b": numbers, "c": text}, by_id) == ["n", "t", "l"]
        assert known(text, by_id) == known(allow_failure(text), by_id) == ["t"]
        assert known(quote(text), by_id) == []
        assert known("".join(["te", "xt"]), by_id) == []
        assert known([text], {}) == []

    def test_what_objects_say_of_themselves_comes_first(self) -> None:
        """Whoever says something is not looked into."""
        text, inner = "".join(["te", "xt"]), State(StateType.COMPLETED, message="said")
        by_id = {id(text): "known"}

        def told(item: Any) -> str | None:
            return item.message if isinstance(item, State) else None

        assert known([text, inner], by_id, told) == ["said", "known"]
        assert known([inner], {}, told) == ["said"]
        assert known([inner], {}) == []

    @pytest.mark.parametrize(
        ("value", "changes"),
        [
            ([1, {"a": (2,)}], False),
            ([object()], False),
            ([State(StateType.COMPLETED)], True),
            ([quote(1)], True),
            ({"a": [allow_failure(1)]}, True),
        ],
    )
    def test_a_look_tells_whether_a_walk_would_change_anything(self, value: Any, changes: bool) -> None:
        """States are replaced, annotations taken off, and all else stays."""
        live, would_change = looked_through(value, lambda item: isinstance(item, State))
        assert (would_change, live) == (changes, found(value, lambda item: isinstance(item, State)))
        walked = walk(value, lambda leaf: None if isinstance(leaf, State) else leaf)
        assert (walked is not value) == changes

    @given(nested)
    def test_every_leaf_that_is_known_is_told(self, value: Any) -> None:
        """Whatever it is in."""
        by_id = {id(leaf): leaf for leaf in leaves(value)}
        assert {id(hit) for hit in known(value, by_id)} == set(by_id)
