"""What decorators and calls say to what they can't take."""

from __future__ import annotations

from typing import Any

import pytest

from headrace import flow, tags, task


def plain() -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    ("decorator", "options", "told"),
    [
        (task, {"retrys": 3}, "@task has no argument 'retrys'. Did you mean 'retries'?"),
        (flow, {"retry_delay": 3}, "@flow has no argument 'retry_delay'. Did you mean 'retry_delay_seconds'?"),
        (flow, {"xyz": 3}, "@flow has no argument 'xyz'. It has name, version, flow_run_name,"),
        (task, {"on_commit": []}, "@task has no argument 'on_commit'."),
        (task, {"tags": "nightly"}, "The tags of the task 'plain' are words, not 'nightly'. Write tags=["),
        (task, {"tags": [1]}, "The tags of the task 'plain' are words, not [1]."),
        (task, {"persist_result": "no"}, "'persist_result' is True or False, not 'no', a str."),
        (task, {"refresh_cache": 2}, "'refresh_cache' is True or False, not 2, an int."),
        (flow, {"validate_parameters": "yes"}, "'validate_parameters' is True or False, not 'yes', a str."),
        (flow, {"log_prints": [True]}, "'log_prints' is True or False, not [True], a list."),
        (task, {"tags": 5}, "The tags of the task 'plain' are words, not 5."),
    ],
)
def test_an_option_that_can_not_be_is_told_with_what_to_write(decorator: Any, options: Any, told: str) -> None:
    """At once, where the decorator stands, bare or not."""
    with pytest.raises(TypeError) as raised:
        decorator(**options)(plain)
    assert told in str(raised.value)


@pytest.mark.parametrize("given", [5, "future"])
def test_what_is_no_list_of_futures_can_not_be_waited_for(given: Any) -> None:
    """A word would be taken for its letters."""
    with pytest.raises(TypeError, match=r"'wait_for' is a list of futures and states, not .*wait_for=\[future\]"):
        task(plain)(wait_for=given)


def test_tags_of_a_block_are_words() -> None:
    """A number among them would be met again where runs are searched."""
    for given in [("a", 5), (["a", "b"],)]:
        with pytest.raises(TypeError, match=r"The tags of a block are words, not .* Write tags\("):
            tags(*given)
