"""Patterns over the names of states: what they fit, and what they say where they do not."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.state_types import TYPE_OF_NAME
from headrace.testing.patterns import Pattern, UnknownStateName

RETRIED_TWICE = "Pending Running AwaitingRetry Retrying AwaitingRetry Retrying Completed"


@pytest.mark.parametrize(
    "pattern",
    [
        RETRIED_TWICE,
        "Pending Running (AwaitingRetry Retrying){2} Completed",
        "Pending Running (AwaitingRetry Retrying)+ Completed",
        "Pending Running (AwaitingRetry Retrying)* (Completed|Cached)",
        "Pending Running (AwaitingRetry Retrying){1,3} Completed",
        "Pending Running (AwaitingRetry Retrying){1,} Completed",
        "Pending AwaitingConcurrencySlot? Running .* Completed",
        "Pending _{5} Completed",
        "  Pending Running(AwaitingRetry Retrying ) { 2 } Completed ",
        "Pending (Running|Retrying|AwaitingRetry)+ 'Completed'",
        "_*",
        "Failed|_+",
    ],
)
def test_patterns_that_fit(pattern: str) -> None:
    """Each operator of regular expressions, over whole names."""
    match = Pattern(pattern).match(RETRIED_TWICE.split())
    assert match
    assert repr(match) == f"<match: {RETRIED_TWICE!r} matches {pattern!r}>"


@pytest.mark.parametrize(
    ("pattern", "explanation"),
    [
        (
            "Pending Running (AwaitingRetry Retrying){3} Completed",
            f"matched '{RETRIED_TWICE[:-10]}', then found 'Completed' where 'AwaitingRetry' could come",
        ),
        (
            "Pending Running (AwaitingRetry Retrying)+ (Cached|Failed)?",
            f"matched '{RETRIED_TWICE[:-10]}', then found 'Completed' where 'AwaitingRetry', 'Cached', 'Failed' or "
            "the end could come",
        ),
        ("Running .*", "found 'Pending' where 'Running' could come"),
        ("Pending", "matched 'Pending', then found 'Running' where the end could come"),
        ("", "found 'Pending' where the end could come"),
        (
            f"{RETRIED_TWICE} _",
            f"matched '{RETRIED_TWICE}', then found the end where any state could come",
        ),
    ],
)
def test_a_pattern_that_does_not_fit_says_how_far_it_came(pattern: str, explanation: str) -> None:
    """What fitted, what came then, and what could have."""
    match = Pattern(pattern).match(RETRIED_TWICE.split())
    assert not match
    assert match.explanation == explanation
    assert repr(match) == f"<no match: {explanation}>"


def test_long_histories_are_shortened() -> None:
    """The sentence stays one line, whatever happened."""
    states = ["Pending", "Running", *["AwaitingRetry", "Retrying"] * 50, "Failed"]
    match = Pattern("Pending Running (AwaitingRetry Retrying)* Completed").match(states)
    assert match.explanation == (
        "matched 'Pending Running … AwaitingRetry Retrying AwaitingRetry Retrying', then found 'Failed' where "
        "'AwaitingRetry' or 'Completed' could come"
    )


@pytest.mark.parametrize(
    ("pattern", "where"),
    [
        ("(Pending", "at its end: a ')' is missing"),
        ("Pending) Running", "at ') Running': ')' closes nothing"),
        ("* Pending", "at '* Pending': '*' repeats nothing"),
        ("Pending (|+)", "'+' repeats nothing"),
        ("Pending{3,1}", "at '{3,1}': the first number is the smaller one"),
        ("Pending Running.{,2}", "at '{,2}': that can't be read"),
        ("Pending, Running", "at ', Running': that can't be read"),
        ("Pending 'Running", "at \"'Running\": that can't be read"),
    ],
)
def test_a_pattern_that_can_not_be_read_says_where(pattern: str, where: str) -> None:
    """The message quotes the rest of the pattern, and shows how to write one."""
    with pytest.raises(ValueError, match=re.escape(where)):
        Pattern(pattern)


def test_endless_repetitions_are_refused() -> None:
    """A mistake of two digits must not eat the memory."""
    with pytest.raises(ValueError, match="2000 states at most"):
        Pattern("(Pending Running){9999}")


def test_a_misspelled_name_is_an_error_with_near_misses() -> None:
    """It would never fit, and a test that says `not match` would pass for ever."""
    with pytest.raises(UnknownStateName, match=r"no state is named 'AwaitingRety'\. Did you mean AwaitingRetry"):
        Pattern("Pending (AwaitingRety|Running)*").check(TYPE_OF_NAME)
    with pytest.raises(UnknownStateName, match="There are Running"):
        Pattern("xyz").check({"Running"})


def test_what_is_quoted_is_taken_at_its_word() -> None:
    """Names of the user's own, and names that are no words."""
    pattern = Pattern("Pending 'No data yet' \"Skipped\"")
    pattern.check(TYPE_OF_NAME)
    assert pattern.match(["Pending", "No data yet", "Skipped"])
    assert repr(Pattern("Pending .")) == "Pattern('Pending .')"


LETTERS = {"Pending": "P", "Running": "R", "Failed": "F"}
PIECES = st.recursive(
    st.sampled_from([*LETTERS, "."]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({' '.join(parts)})"),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}", "{0}", "{0,1}"])).map(
            lambda pair: f"({pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=8,
)


@given(PIECES, st.lists(st.sampled_from(list(LETTERS)), max_size=8))
def test_patterns_agree_with_regular_expressions(pattern: str, states: list[str]) -> None:
    """The same pattern, each name written as one letter, fits in the standard library as it does here."""
    letters = pattern.replace(" ", "")
    for name, letter in LETTERS.items():
        letters = letters.replace(name, letter)
    expected = re.fullmatch(letters, "".join(LETTERS[state] for state in states))
    assert bool(Pattern(pattern).match(states)) is (expected is not None)
