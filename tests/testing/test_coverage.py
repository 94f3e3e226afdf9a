"""What may become of a flow's or task's runs, what did, and the sum of it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from headrace import flow, task
from headrace.cache_policies import INPUTS, NO_CACHE
from headrace.core.state_types import NAMES
from headrace.core.states import State
from headrace.settings import temporary_settings
from headrace.testing.coverage.arcs import Arc, possible
from headrace.testing.coverage.exercised import exercised, transitions
from headrace.testing.coverage.findings import Finding, Findings
from headrace.testing.coverage.page import page
from headrace.testing.coverage.subjects import Project, Subject, imported, subject_of
from headrace.testing.coverage.table import table

ROOT = Path(__file__).parents[2]


def body(x: int = 0) -> int:
    """Return what it is given."""
    return x


def hook(*args: Any) -> None:
    """Do nothing."""


class Methods:
    """A class with a task."""

    @task
    def method(self) -> int:
        """Return 1."""
        return 1


declared = task(body, retries=3, name="declared")
variant = declared.with_options(retries=0, name="variant")


def arcs(definition: Any) -> list[str]:
    """Return the names of what is possible."""
    return [arc.name for arc in possible(definition)]


@pytest.mark.parametrize("decorator", [task, flow])
def test_every_run_may_complete_and_fail(decorator: Any) -> None:
    """Whatever was declared; nothing more is asked for where nothing was."""
    assert arcs(decorator(body)) == ["completed", "failed"]


@pytest.mark.parametrize("decorator", [task, flow])
@pytest.mark.parametrize(
    ("delays", "ways"),
    [
        (10, ["awaiting-retry", "retried"]),
        (None, ["retried-at-once"]),
        ([0, 10], ["awaiting-retry", "retried", "retried-at-once"]),
        ([10, 0], ["awaiting-retry", "retried", "retried-at-once"]),
    ],
)
def test_retries_may_be_taken_help_and_be_exhausted(decorator: Any, delays: Any, ways: list[str]) -> None:
    """After delays, at once, or both, as the policy says."""
    definition = decorator(retries=2, retry_delay_seconds=delays)(body)
    assert arcs(definition) == ["completed", *ways, "recovered", "retries-exhausted"]


def test_a_second_delay_counts_only_where_there_is_a_second_retry() -> None:
    """What the policy never gets to is not possible."""
    assert "awaiting-retry" not in arcs(task(retries=1, retry_delay_seconds=[0, 10])(body))


def test_a_retry_condition_may_refuse() -> None:
    """Then a run fails while retries are left."""
    assert "retry-refused" in arcs(task(retries=1, retry_condition_fn=hook)(body))
    assert "retry-refused" not in arcs(task(retry_condition_fn=hook)(body))


@pytest.mark.parametrize("decorator", [task, flow])
def test_a_time_out_may_be_reached(decorator: Any) -> None:
    """What is missing tells how long it is."""
    assert possible(decorator(timeout_seconds=60)(body))[-1] == Arc(
        "timed-out", "Running → TimedOut", "time-out of 60 s never reached"
    )


@pytest.mark.parametrize(
    ("options", "is_cached"),
    [
        ({}, False),
        ({"persist_result": True}, False),
        ({"cache_policy": None}, False),
        ({"cache_policy": NO_CACHE}, False),
        ({"cache_policy": INPUTS, "refresh_cache": True}, False),
        ({"cache_policy": INPUTS}, True),
        ({"cache_key_fn": hook, "cache_expiration": timedelta(hours=1)}, True),
        ({"result_storage_key": "a"}, True),
    ],
)
def test_only_who_was_told_to_look_for_results_may_find_them(options: dict[str, Any], is_cached: bool) -> None:
    """The policy of tasks that were told nothing finds only what the same flow run has made."""
    assert ("cached" in arcs(task(**options)(body))) == is_cached


def test_the_settings_decide_whether_anything_is_cached() -> None:
    """As they do when it runs."""
    with temporary_settings({"HEADRACE_TASKS_DISABLE_CACHING": True}):
        assert "cached" not in arcs(task(cache_policy=INPUTS)(body))


def test_hooks_may_fire() -> None:
    """Each event counts once; a cancellation is asked for where something is declared for it."""
    hooks = {f"on_{event}": [hook] for event in ("running", "completion", "failure", "cancellation", "crashed")}
    assert arcs(flow(**hooks)(body))[2:] == [
        *("on_running", "on_completion", "on_failure", "cancelled", "on_cancellation", "on_crashed")
    ]
    assert possible(task(on_failure=[hook, hook])(body))[-1].missing == "on_failure hooks never fired"


def test_transactions_may_commit_and_roll_back() -> None:
    """Where hooks wait for that."""
    undone = task(body)
    undone.on_rollback(hook)
    undone.on_commit(hook)
    assert arcs(undone)[2:] == ["on_commit", "rolled-back"]


# what a history reached ----------------------------------------------------------------------------------------

TYPES = {name: type_ for type_, names in NAMES.items() for name in names}


def reached(states: str, *, timed_out: bool = False, **options: Any) -> set[str]:
    """Return what a run went along, without the hooks."""
    history = [State(TYPES[name], name) for name in states.split()]
    names = exercised(history, task(**options)(body), lambda: timed_out)
    return {name for name in names if not name.startswith("on_")}


@pytest.mark.parametrize(
    ("states", "names"),
    [
        ("Pending Running Completed", {"completed"}),
        ("Pending Running Failed", {"failed"}),
        ("Pending Running Cached", {"cached"}),
        ("Pending Running Completed RolledBack", {"completed", "rolled-back"}),
        ("Pending Cancelled", {"cancelled"}),
        ("Pending Running Crashed", set()),
        ("Pending NotReady", set()),
    ],
)
def test_a_run_without_retries_reaches_its_end(states: str, names: set[str]) -> None:
    """And no more."""
    assert reached(states) == names


@pytest.mark.parametrize(
    ("states", "names"),
    [
        ("Running Retrying Completed", {"retried-at-once", "recovered", "completed"}),
        ("Running AwaitingRetry Retrying Completed", {"awaiting-retry", "retried", "recovered", "completed"}),
        ("Running AwaitingRetry AwaitingConcurrencySlot Retrying Crashed", {"awaiting-retry", "retried"}),
        ("Running Retrying Retrying Failed", {"retried-at-once", "retries-exhausted", "failed"}),
        ("Running Retrying Failed", {"retried-at-once", "retry-refused", "failed"}),
        ("Failed", {"failed"}),
    ],
)
def test_retries_are_exhausted_only_when_none_is_left(states: str, names: set[str]) -> None:
    """A run that fails earlier was refused one; one that fails before it began had none."""
    assert reached(f"Pending {states}", retries=2) == names


def test_a_time_out_counts_where_it_was_that_of_the_task() -> None:
    """Not where the function itself raised a TimeoutError; also where the attempt was tried again."""
    assert reached("Pending Running TimedOut", timeout_seconds=1, timed_out=True) == {"timed-out"}
    assert reached("Pending Running TimedOut", timeout_seconds=1) == {"failed"}
    assert reached("Pending Running TimedOut") == {"failed"}
    again = reached("Pending Running Retrying Completed", timeout_seconds=1, retries=1, timed_out=True)
    assert "timed-out" in again


def test_hooks_fire_with_their_states() -> None:
    """Cached fires what Completed does; RolledBack nothing."""
    history = [State(TYPES[name], name) for name in ("Pending", "Running", "Cached")]
    assert exercised(history, task(body), lambda: False) >= {"on_running", "on_completion"}
    assert "on_commit" not in exercised(history, task(body), lambda: False)
    cancelled = [State(TYPES[name], name) for name in ("Pending", "Running", "Cancelling", "Cancelled")]
    assert "on_cancellation" in exercised(cancelled, task(body), lambda: False)


def test_steps_are_told_by_the_names_of_their_states() -> None:
    """For the report, whatever they are."""
    history = [State(TYPES[name], name) for name in ("Pending", "Running", "Crashed")]
    assert list(transitions(history)) == ["Pending → Running", "Running → Crashed"]


# which flows and tasks there are -------------------------------------------------------------------------------


def test_variants_and_bound_methods_are_what_they_were_made_of() -> None:
    """They have the same function, whatever they are called."""
    assert subject_of("task", variant) == subject_of("task", declared)
    assert subject_of("task", Methods().method) == subject_of("task", Methods.method)
    assert subject_of("task", declared) != subject_of("task", Methods.method)


def test_a_function_that_a_test_put_in_the_place_of_another_is_not_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    """The task stays the one that was declared."""
    before = subject_of("task", declared)
    monkeypatch.setattr(declared, "fn", hook)
    assert subject_of("task", declared) == before


def test_a_partial_is_where_its_function_is() -> None:
    """And what is written in C is nowhere."""
    found = subject_of("task", task(partial(body, 1), name="partial"))
    assert found is not None
    assert found.qualname == "body"
    assert subject_of("task", task(len)) is None


def test_all_that_modules_and_classes_hold_is_found_as_it_was_declared() -> None:
    """A variant is no other task, and does not take the original's place."""
    found = imported(Project([ROOT], ["tests/testing/test_coverage.py"]))
    names = {subject.qualname: definition for subject, definition in found.values()}
    assert names["Methods.method"] is Methods.method
    assert names["body"] is declared


@pytest.mark.parametrize(
    ("sources", "holds"),
    [
        ([], True),
        (["tests"], True),
        (["tests/testing/test_coverage.py"], True),
        (["src"], False),
        (["tests.testing"], True),
        (["tests.test"], False),
    ],
)
def test_a_project_is_its_files_folders_or_modules(sources: list[str], holds: bool) -> None:
    """Without any, what lies below its root."""
    assert Project([ROOT], sources).has("tests.testing.test_coverage", __file__) is holds


def test_what_is_installed_below_the_root_is_not_the_projects() -> None:
    """An environment often lies inside."""
    root = Path(pytest.__file__).parents[2]
    assert not Project([root]).has("pytest", pytest.__file__)
    assert Project([root], ["pytest"]).has("pytest", pytest.__file__)


# the sum -------------------------------------------------------------------------------------------------------

FETCH = Subject("task", "shop", "fetch", "shop.py", 3)
SELL = Subject("flow", "shop", "sell<b>", "shop.py", 1)


def finding(subject: Subject = FETCH, *reached: str, runs: int = 1) -> Finding:
    """Return what one process found of a task that may be retried."""
    possible_ones = possible(task(retries=1)(body))
    return Finding(subject, possible_ones, runs, Counter(reached), Counter({"Pending → Running": runs}))


def test_what_processes_found_is_added_up() -> None:
    """Each may have reached another part."""
    sum_ = Findings([finding(FETCH, "completed")])
    sum_.add(Findings.from_json(Findings([finding(FETCH, "retried-at-once"), finding(SELL, runs=0)]).to_json()))
    sell, fetch = sum_
    assert (fetch.runs, fetch.covered, fetch.possible, fetch.transitions) == (2, 2, 4, {"Pending → Running": 2})
    assert (sell.runs, sell.covered, sell.possible) == (0, 0, 4)
    assert (sum_.covered, sum_.possible, sum_.percent) == (2, 8, 25)


def test_the_order_of_findings_makes_no_difference() -> None:
    """Reports are the same whatever order tests ran in."""
    one, other = finding(FETCH, "completed"), finding(SELL, "completed", "recovered")
    assert Findings([one, other]).to_json() == Findings([other, one]).to_json()


def test_percentages_are_rounded_down() -> None:
    """Only all of it is 100."""
    third = Finding(
        FETCH, possible(task(retries=1, timeout_seconds=1, on_running=[hook])(body)), 1, Counter(completed=1)
    )
    assert third.percent == 16.6
    assert Findings([third]).reaches(16.6)
    assert Findings([third]).reaches(100 / 6)
    assert not Findings([third]).reaches(16.7)


def test_nothing_to_cover_is_nothing_covered() -> None:
    """A session in which nothing was imported must not pass for one in which all is well."""
    assert not Findings().reaches(0)
    assert table(Findings()) == ["No flow or task of this project was imported."]
    assert "No flow or task" in page(Findings())


def test_the_json_report_says_what_the_page_about_coverage_does() -> None:
    """Its names are a promise."""
    report = json.loads(Findings([finding(FETCH, "completed")]).to_json())
    assert report["totals"] == {"covered": 1, "possible": 4, "percent": 25.0}
    (entry,) = report["definitions"]
    assert list(entry) == [
        *("kind", "module", "qualname", "file", "line", "runs", "covered", "possible", "percent", "arcs", "transitions")
    ]
    assert entry["arcs"][0] == {
        "name": "completed",
        "path": "Running → Completed",
        "missing": "never completed",
        "runs": 1,
    }


def test_a_report_of_another_version_is_refused() -> None:
    """Its numbers may mean something else."""
    with pytest.raises(ValueError, match="version 0; 1 can be read"):
        Findings.from_json('{"version": 0}')


def test_the_table_lists_what_is_missing_in_words() -> None:
    """A flow or task that never ran is not told all that it has not reached."""
    lines = table(Findings([finding(FETCH, "completed", "retried-at-once"), finding(SELL, runs=0)]))
    assert [line.split() for line in lines if "─" not in line] == [
        ["where", "flow", "or", "task", "covered", "percent", "no", "test", "reaches"],
        ["shop.py:1", "flow", "sell<b>", "0/4", "0%", "never", "run"],
        ["shop.py:3", "task", "fetch", "2/4", "50%", "never", "completed", "by", "a", "retry"],
        ["never", "retried", "until", "exhausted", "(1", "retry)"],
        ["total", "1", "flow,", "1", "task", "2/8", "25%"],
    ]


def test_the_page_escapes_what_users_wrote() -> None:
    """Names and paths may hold anything; nothing is loaded from elsewhere."""
    text = page(Findings([finding(SELL, "completed"), finding(FETCH._replace(file="<i>.py"), "completed")]))
    assert "sell&lt;b&gt;" in text
    assert "<b>" not in text
    assert "<i>" not in text
    assert "http" not in text
    assert "<script" not in text
