"""What a flow takes, as a JSON schema, and parameters that are validated without a run."""

from __future__ import annotations

import datetime
import enum
from typing import Any

import pytest
from pydantic import BaseModel

from headrace import flow
from headrace.exceptions import ParameterTypeError, SignatureMismatchError
from headrace.utilities.callables import parameter_docstrings, parameter_schema


class Place(BaseModel):
    """A model of pydantic."""

    city: str


class Colour(enum.Enum):
    """An enumeration."""

    RED = "red"


class Unknown:
    """A class that pydantic knows nothing of."""


def test_each_parameter_has_a_title_a_position_a_type_and_its_default() -> None:
    """Those without a default are required."""

    @flow
    def survey(x: int, y: str = "a", *, z: list[int] | None = None) -> None: ...

    assert survey.parameters.model_dump() == {
        "title": "Parameters",
        "type": "object",
        "properties": {
            "x": {"title": "x", "position": 0, "type": "integer"},
            "y": {"title": "y", "position": 1, "type": "string", "default": "a"},
            "z": {
                "title": "z",
                "position": 2,
                "default": None,
                "anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}],
            },
        },
        "required": ["x"],
        "definitions": {},
    }


def test_models_and_enumerations_are_defined_beside() -> None:
    """And referred to."""

    @flow
    def visit(place: Place, colour: Colour = Colour.RED, day: datetime.date | None = None) -> None: ...

    schema = visit.parameters
    assert schema.properties["place"] == {"$ref": "#/definitions/Place", "title": "place", "position": 0}
    assert schema.properties["colour"]["default"] == "red"
    assert set(schema.definitions) == {"Place", "Colour"}
    assert schema.required == ["place"]


def test_what_has_no_schema_lets_anything_pass() -> None:
    """A class that pydantic does not know, a default that JSON can't say, starred parameters."""

    @flow
    def anything(a, b: Unknown, *args: int, c: Unknown = Unknown(), **kwargs: str) -> None: ...  # type: ignore[no-untyped-def]  # noqa: B008

    schema = anything.parameters
    assert schema.properties == {
        "a": {"title": "a", "position": 0},
        "b": {"title": "b", "position": 1},
        "args": {"title": "args", "position": 2, "default": [], "type": "array", "items": {"type": "integer"}},
        "c": {"title": "c", "position": 3},
        "kwargs": {
            "title": "kwargs",
            "position": 4,
            "default": {},
            "type": "object",
            "additionalProperties": {"type": "string"},
        },
    }
    assert schema.required == ["a", "b"]


def test_the_docstring_describes_parameters() -> None:
    """Under "Args:", also over several lines."""

    def fetch(url: str, tries: int, rest: int) -> None:
        """Fetch a page.

        Args:
            url: where it is,
                in full
            tries (int): how often

        Returns:
            rest: nothing
        """

    properties = parameter_schema(fetch).properties
    assert properties["url"]["description"] == "where it is,\nin full"
    assert properties["tries"]["description"] == "how often"
    assert "description" not in properties["rest"]
    assert parameter_docstrings(None) == {}


def test_names_that_models_refuse_are_parameters_all_the_same() -> None:
    """Leading underscores, and names of a model's own attributes."""

    @flow
    def odd(_hidden: int, schema: int, model_config: int) -> None: ...

    assert list(odd.parameters.properties) == ["_hidden", "schema", "model_config"]


def test_a_method_is_described_without_its_instance() -> None:
    """It is not the caller's to give."""

    class Station:
        @flow
        def measure(self, depth: int) -> int:
            return depth

    assert Station().measure.parameters.required == ["depth"]


class TestValidatingWithoutARun:
    def test_parameters_are_coerced_and_defaults_added(self) -> None:
        """Starred ones are empty."""

        @flow
        def survey(x: int, y: str = "a", *args: int, **kwargs: Any) -> None: ...

        assert survey.validate_parameters({"x": "3"}) == {"x": 3, "y": "a", "args": (), "kwargs": {}}

    def test_what_is_missing_or_wrong_is_told(self) -> None:
        """One line each."""

        @flow
        def survey(x: int, y: int) -> None: ...

        with pytest.raises(ParameterTypeError, match=r"x: Field required\n  y: Input should be a valid integer"):
            survey.validate_parameters({"y": "many"})

    def test_what_the_flow_does_not_take_is_told(self) -> None:
        """With what it takes; a TypeError."""

        @flow
        def survey(x: int) -> None: ...

        with pytest.raises(SignatureMismatchError, match=r"takes the parameters \['x'\], but was given \['x', 'z'\]"):
            survey.validate_parameters({"x": 1, "z": 2})
        assert issubclass(SignatureMismatchError, TypeError)
