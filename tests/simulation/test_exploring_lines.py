"""Finding races between two lines of functions that threads run."""

from __future__ import annotations

import gc
import sys
import threading

import pytest

from headrace import flow, task
from headrace.testing import ScheduleFailure, explore, seed, simulate


class Till:
    """Money, and how often it was taken."""

    def __init__(self, money):
        self.money = money
        self.lock = threading.Lock()

    def take(self, amount):
        if self.money >= amount:
            self.money -= amount
            return True
        return False


@task(task_run_name="take {number}")
def take(till, number):
    if till.money >= 80:
        till.money -= 80
        return number
    return None


@task
def take_by_method(till, number):
    return number if till.take(80) else None


@task
def take_locked(till, number):
    with till.lock:
        return number if till.take(80) else None


def one_gets_it(taking):
    @flow
    def spend():
        till = Till(100)
        futures = [taking.submit(till, number) for number in (1, 2)]
        return [future.result() for future in futures if future.result() is not None]

    assert len(spend()) == 1


def submitted_runs():
    one_gets_it(take)


def by_a_method():
    one_gets_it(take_by_method)


def own_threads():
    till, taken = Till(100), []

    def work(number):
        if till.take(80):
            taken.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1


@pytest.mark.parametrize("race", [submitted_runs, by_a_method, own_threads], ids=lambda race: race.__name__)
def test_a_race_between_two_lines_is_found(race):
    """It meets the engine nowhere between them; the sentence has the line, and the program repeats it."""
    with pytest.raises(ScheduleFailure, match=r" step \(line \d+ of test_exploring_lines.py\) until ") as caught:
        explore(race)
    assert "lines=True" in caught.value.program
    with pytest.raises(AssertionError, match="assert 2 == 1"):
        exec(caught.value.program, {})


def test_a_lock_around_the_lines_makes_it_right():
    """Whoever is interrupted in them holds it."""
    assert explore(lambda: one_gets_it(take_locked), schedules=40, lines=True).orders > 5


def test_what_the_garbage_collector_calls_is_not_interrupted():
    """It may run anywhere in the engine, and in the standard library for it, whoever holds what there."""

    def noted(phase, info):
        phases.append(phase)

    phases = []
    before = gc.get_threshold()
    gc.callbacks.append(noted)
    gc.set_threshold(5)
    try:
        explore(lambda: one_gets_it(take_locked), schedules=10, lines=True)
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(noted)
    assert phases


def test_nobody_is_interrupted_in_lines_without_a_schedule():
    """The history is the same as ever."""
    told = []
    for lines in (False, True):
        with simulate(lines=lines) as simulation:
            submitted_runs()
            told.append(simulation.runs.history().to_json())
    assert told[0] == told[1]


def test_a_tracer_that_is_there_stays():
    """A debugger, or what measures coverage: its thread is interrupted where it meets the engine, and nowhere else."""
    traced = []

    def tracer(frame, event, argument):
        traced.append(frame.f_code.co_name)

    with simulate(schedule=seed(0), lines=True):
        before = sys.gettrace()
        sys.settrace(tracer)
        try:
            take_by_method(Till(100), 1)
            assert sys.gettrace() is tracer
        finally:
            sys.settrace(before)
    assert "take" in traced


def test_the_lines_of_a_loop_are_steps_a_few_times_only():
    """A loop would else make a step of each of its thousands of turns."""
    steps = []

    @task
    def count():
        total = 0
        for number in range(1000):
            total += number
        return total

    with simulate(lines=True) as simulation:
        simulation.clock.turns.on_step = lambda actor, what: steps.append(what)
        count()
    assert 5 < len([what for what in steps if what.startswith("line ")]) < 15
