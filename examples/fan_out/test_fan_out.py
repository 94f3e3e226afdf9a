"""The sum in threads, which is quick to test, and once in real processes."""

from flows import count_primes
from headrace.task_runners import ThreadPoolTaskRunner

in_threads = count_primes.with_options(task_runner=ThreadPoolTaskRunner())


def test_the_parts_add_up():
    """There are 25 primes below 100, however they are counted."""
    assert in_threads(below=100, stretch=30) == in_threads(below=100, stretch=100) == 25


def test_each_stretch_is_a_task_run_of_its_own(runs):
    """The last one may be shorter."""
    in_threads(below=100, stretch=40)
    assert sorted(run.name for run in runs.tasks("count_between")) == [
        "primes from 0 to 40",
        "primes from 40 to 80",
        "primes from 80 to 100",
    ]


def test_worker_processes_give_the_same_and_are_recorded_the_same(runs):
    """The runner is the only difference; the history is that of any task run."""
    assert count_primes(below=100, stretch=50) == 25
    for run in runs.tasks("count_between"):
        assert run.states == ["Pending", "Running", "Completed"]
