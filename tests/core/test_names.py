"""Names: slugs, checks, defaults and templates."""

from __future__ import annotations

import datetime
import functools
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.names import (
    called_name,
    check_flow_name,
    check_name,
    default_flow_name,
    function_name,
    render,
    slug,
    takes_parameters,
    task_run_name,
)
from headrace.core.words import ADJECTIVES, ANIMALS
from headrace.exceptions import InvalidNameError


class TestSlugs:
    def test_there_are_ten_thousand_slugs_or_more(self) -> None:
        """Two lists of a hundred different lower-case words and more."""
        for words in (ADJECTIVES, ANIMALS):
            assert len(words) >= 100
            assert len(set(words)) == len(words)
            assert all(word.isascii() and word.isalpha() and word.islower() for word in words)

    @given(st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
    def test_a_slug_is_an_adjective_and_an_animal(self, first: float, second: float) -> None:
        """Every draw gives words of the lists, and the same draw the same words."""
        adjective, animal = slug(iter([first, second]).__next__).split("-")
        assert adjective in ADJECTIVES
        assert animal in ANIMALS
        assert slug(iter([first, second]).__next__) == f"{adjective}-{animal}"


class TestChecks:
    @given(st.text(st.characters(exclude_characters="/%&><"), min_size=1))
    def test_any_other_text_is_a_name(self, name: str) -> None:
        """It comes back as it is."""
        assert check_flow_name(name) == name

    @pytest.mark.parametrize("character", "/%&><")
    def test_a_name_with_a_forbidden_character_is_refused(self, character: str) -> None:
        """The message shows the name and one that would do."""
        with pytest.raises(InvalidNameError, match="Write for example 'a-b'") as caught:
            check_flow_name(f"a{character}b")
        assert f"can't contain {character}" in str(caught.value)

    def test_an_empty_name_is_refused(self) -> None:
        """Leaving it out is the way to say nothing."""
        with pytest.raises(InvalidNameError, match="flow can't be empty"):
            check_flow_name("")

    @pytest.mark.parametrize("name", [1, None, b"x", ["x"]])
    def test_a_name_that_is_no_string_is_refused(self, name: object) -> None:
        """The message shows what was given."""
        with pytest.raises(TypeError, match="must be a string, not"):
            check_name(name, "task")


class TestDefaults:
    def test_a_flow_is_named_after_its_function_with_dashes(self) -> None:
        """Underscores become dashes."""

        def my_nice_flow() -> None: ...

        assert default_flow_name(my_nice_flow) == "my-nice-flow"
        assert function_name(my_nice_flow) == "my_nice_flow"

    def test_a_lambda_has_the_name_that_python_gives_it(self) -> None:
        """But not a flow of one: its brackets may not be in a flow's name."""
        assert function_name(lambda: 1) == "<lambda>"
        assert default_flow_name(lambda: 1) == "unknown-lambda"

    def test_a_partial_is_named_after_what_it_calls(self) -> None:
        """However often it is wrapped."""

        def work(a: int, b: int) -> None: ...

        assert default_flow_name(functools.partial(functools.partial(work, 1), 2)) == "work"

    def test_a_callable_object_is_named_after_its_class(self) -> None:
        """It has no name of its own."""

        class Load_Everything:
            def __call__(self) -> None: ...

        assert default_flow_name(Load_Everything()) == "Load-Everything"
        assert default_flow_name(Load_Everything) == "Load-Everything"

    @pytest.mark.parametrize("fn", [len, str.upper, datetime.datetime, "x".join, functools.partial(len)])
    def test_every_callable_has_a_valid_name(self, fn: object) -> None:
        """Builtins, methods and classes too."""
        assert check_flow_name(default_flow_name(fn))

    @given(st.uuids())
    def test_a_task_run_ends_in_the_last_three_hex_digits_of_its_id(self, run_id: UUID) -> None:
        """Three digits, zeros included."""
        assert task_run_name("fetch", run_id) == f"fetch-{run_id.hex[-3:]}"


class TestNameCallables:
    def test_a_name_callable_must_return_a_string(self) -> None:
        """The message shows what it returned instead."""
        assert called_name("x", "flow_run_name") == "x"
        with pytest.raises(TypeError, match=r"callable flow_run_name must return .* it returned 3, an int"):
            called_name(3, "flow_run_name")

    def test_only_a_parameter_called_parameters_asks_for_them(self) -> None:
        """Anything else is called without arguments."""
        assert takes_parameters(lambda parameters: "")
        assert takes_parameters(lambda *, parameters=None: "")
        assert not takes_parameters(lambda: "")
        assert not takes_parameters(lambda **kwargs: "")

    def test_a_builtin_without_a_signature_wants_nothing(self) -> None:
        """Python can't say what it takes, so it is given nothing."""
        assert not takes_parameters(type)


keys = st.sampled_from(["a", "b", "name", "parameters", "self", "template", "what"])
values = st.one_of(
    st.integers(-99, 99), st.text("ab{}!: %d"), st.floats(-99.0, 99.0), st.lists(st.integers()), st.none()
)
pieces = st.one_of(
    st.text(st.characters(exclude_characters="{}")),
    st.sampled_from(["{{", "}}", "{a}", "{b!r}", "{name!s:>10}", "{a[0]}", "{b.real}", "{self}", "{missing}", "{}"]),
    st.sampled_from(["{0}", "{a:%A}", "{a:{b}}", "{", "}", "{a!x}", "{a:d}", "{what}", "{template}"]),
)


class Encoded:
    """A value whose formatting fails in its own way."""

    def __format__(self, spec: str) -> str:
        return "ä".encode("ascii").decode()


class TestTemplates:
    @given(st.lists(pieces).map("".join), st.dictionaries(keys, values))
    def test_a_template_is_filled_in_as_str_format_does(self, template: str, parameters: dict[str, Any]) -> None:
        """The same text, or an error of the same type that names the template."""
        try:
            expected = template.format(**parameters)
        except Exception as error:
            with pytest.raises(type(error)) as caught:
                render(template, parameters, "task_run_name")
            assert repr(template) in str(caught.value)
        else:
            assert render(template, parameters, "task_run_name") == expected

    def test_dates_are_formatted_and_stars_are_one_field(self) -> None:
        """Format specifications, attributes, items and the dict of ``**kw``."""
        date = datetime.date(2026, 3, 5)
        assert render("on-{date:%A}", {"date": date}, "x") == "on-Thursday"
        assert render("{kw[a]}-{date.year}", {"kw": {"a": 1}, "date": date}, "x") == "1-2026"

    def test_a_missing_field_is_a_key_error_that_reads_well(self) -> None:
        """The message names the template, the field, and the fields there are, and is not quoted."""
        with pytest.raises(KeyError) as caught:
            render("a-{who}", {"name": 1, "day": 2}, "task_run_name")
        assert str(caught.value) == (
            "The task_run_name 'a-{who}' can't be filled in because of the field {who} (KeyError: 'who'). "
            "The fields there are: {name}, {day}."
        )

    def test_the_field_at_fault_is_the_one_that_is_named(self) -> None:
        """Fields that work are not blamed."""
        with pytest.raises(AttributeError, match=r"because of the field {b\.nope!r:>3} "):
            render("{a}-{b.nope!r:>3}", {"a": 1, "b": 2}, "x")

    def test_a_template_that_can_not_be_read_is_blamed_for_its_syntax(self) -> None:
        """There is no field to name."""
        with pytest.raises(ValueError, match=r"because of its syntax .* none, as there are no parameters"):
            render("{a", {}, "x")

    def test_an_error_that_does_not_come_again_is_told_without_a_field(self) -> None:
        """Which field it was can't be found out any more."""

        class Flaky:
            failed = False

            def __format__(self, spec: str) -> str:
                if not self.failed:
                    self.failed = True
                    raise ValueError("once")
                return "fine"

        with pytest.raises(ValueError, match=r"because of a field that can.t be told .*once"):
            render("{a}", {"a": Flaky()}, "x")

    def test_an_error_of_a_more_special_type_stays_what_it_is(self) -> None:
        """A note tells the rest."""
        with pytest.raises(UnicodeEncodeError) as caught:
            render("{a:x}", {"a": Encoded()}, "flow_run_name")
        assert "the field {a:x}" in caught.value.__notes__[0]

    def test_an_error_of_the_users_own_travels_with_a_note(self) -> None:
        """Its type and its arguments stay what they were."""

        class Odd(Exception): ...

        class Value:
            def __format__(self, spec: str) -> str:
                raise Odd("mine")

        with pytest.raises(Odd, match="mine") as caught:
            render("{a}", {"a": Value()}, "flow_run_name")
        assert caught.value.args == ("mine",)
        assert "the field {a}" in caught.value.__notes__[0]
