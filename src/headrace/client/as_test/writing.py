"""The text of a test that repeats a flow run. Pure, but for the reading that it begins with."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from uuid import UUID

from headrace._version import __version__
from headrace.client.as_test.reading import Called, Outcome, Recorded, recorded
from headrace.client.as_test.source import Source, literal
from headrace.drive.world import World

_WIDTH = 110


def copy_as_test(world: World, run_id: UUID) -> str:
    """Return a pytest file that repeats a flow run.

    Its tasks are stubbed with what they returned, where that was kept and is of plain types, and with the errors that
    they raised; comments say what could not be had. Raises ObjectNotFound, and NotATest for what a test can't repeat.
    """
    return text_of(recorded(world, run_id))


def text_of(told: Recorded) -> str:
    """Return the text of a test."""
    stubs = [stub for _, same in groupby(_by_task(told.called), lambda one: one.task) for stub in _stubs(list(same))]
    flow, where = _flow(told.entrypoint)
    call = _call(told, flow)
    sources = [call, *(source for _, source in stubs)]
    imports = {where, "from collections import Counter", *(one for source in sources for one in source.imports)}
    classes = {one for source in sources for one in source.classes}
    ours = ("from collections import Counter", where)
    lines = [
        *_head(told),
        *sorted(one for one in imports if one.startswith("import ")),
        "from collections import Counter",
        "",
        "import pytest",
        *sorted(one for one in imports if one.startswith("from ") and one not in ours),
        where,
        "",
        *(line for name in sorted(classes) for line in _class(name)),
        "",
        f'@pytest.mark.simulate(start="{_moment(told)}")',
        f"def {_name(told)}(simulation, runs):",
        '    """Its runs go through the states that they went through then."""',
        *(line for line, _ in stubs),
        *_lost(told),
        f"    {call.text}",
        '    assert Counter((run.definition_name, " ".join(run.states)) for run in runs.all()) == {',
        *(f"        {key!r}: {count}," for key, count in told.histories.items()),
        "    }",
    ]
    return "\n".join(lines) + "\n"


def _head(told: Recorded) -> Iterator[str]:
    run = told.run
    name = run.name.replace("\\", "\\\\").replace('"', '\\"')
    yield f'"""The flow run {name} of {_moment(told)}, which ended {run.state_name}, as a test.'
    yield ""
    yield "What its tasks returned and raised then stands in for them."
    yield f"Written by headrace {__version__} from the record of the flow run {run.id}."
    unknown = Counter(one.task for one in told.called for outcome in one.outcomes if outcome.source is None)
    if unknown:
        tasks = ", ".join(f"{task} ({count} call{'' if count == 1 else 's'})" for task, count in unknown.items())
        yield ""
        yield f"NOT HAD: what these returned was not kept, or is no plain value. None stands in: {tasks}."
        yield "Put in what they returned. Tasks with persist_result=True keep it for the next time."
    yield '"""'
    yield ""


def _lost(told: Recorded) -> Iterator[str]:
    if told.lost:
        yield f"    # NOT HAD: of {', '.join(told.lost)} the record has only a text for people."


def _class(name: str) -> Iterator[str]:
    yield from ("", f"class {name}(Exception):")
    yield f'    """Stands in for the {name} that was raised: where its class is, was not recorded."""'
    yield ""


def _call(told: Recorded, flow: str) -> Source:
    given = {name: literal(value) or Source("...") for name, value in told.run.parameters.items()}
    arguments = "".join(
        f", {name}={source.text}" for name, source in given.items() if name.isidentifier() and name != "return_state"
    )
    text = f"simulation.start({flow}{arguments}, return_state=True).result()"
    return Source(text, frozenset(one for source in given.values() for one in source.imports))


def _flow(entrypoint: str) -> tuple[str, str]:
    """Return the name of the flow's function, and the line that imports it."""
    place, _, name = entrypoint.rpartition(":")
    if place.endswith(".py"):
        stem = os.path.splitext(os.path.basename(place.replace("\\", "/")))[0]
        return name, f"from {stem} import {name}  # {place}"
    return name, f"from {place} import {name}"


def _moment(told: Recorded) -> str:
    return (told.run.start_time or told.run.created).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _name(told: Recorded) -> str:
    word = re.sub(r"[^a-z0-9]+", "_", told.run.name.lower()).strip("_")
    return f"test_{word}" if word else "test_run"


def _by_task(called: Sequence[Called]) -> list[Called]:
    return sorted((one for one in called if one.outcomes), key=lambda one: one.task)


def _stubs(called: Sequence[Called]) -> Iterator[tuple[str, Source]]:
    """Yield a stub for each run of a task, where their names tell them apart; else one for all calls in their order."""
    names = [one.run for one in called]
    task = called[0].task
    apart = len(set(names)) == len(names) and all(one.named and not set("*?[") & set(one.run) for one in called)
    outcomes = sorted((outcome for one in called for outcome in one.outcomes), key=lambda outcome: outcome.began)
    if len({_key(outcome) for outcome in outcomes}) == 1:
        yield _stub(task, None, outcomes[:1])
    elif apart:
        for one in called:
            yield _stub(task, one.run, one.outcomes)
    else:
        yield _stub(task, None, outcomes)


def _key(outcome: Outcome) -> tuple[str, float]:
    return _source(outcome).text, outcome.takes


def _source(outcome: Outcome) -> Source:
    return outcome.source or Source("None")


def _stub(task: str, run: str | None, outcomes: Sequence[Outcome]) -> tuple[str, Source]:
    sources = [_source(outcome) for outcome in outcomes]
    alone = len(outcomes) == 1
    is_list = alone and sources[0].text.startswith("[")
    texts = [source.text for source in sources]
    told = f"Returns({texts[0]})" if is_list else texts[0] if alone else f"[{', '.join(texts)}]"
    takes = [outcome.takes for outcome in outcomes]
    more = f", run={run!r}" if run is not None else ""
    if any(takes):
        more += f", takes={takes[0] if alone else takes}"
    line = f"    simulation.stub({task!r}, {told}{more})"
    if len(line) > _WIDTH and not alone:
        inside = "".join(f"\n            {text}," for text in texts)
        rest = more.removeprefix(", ").replace(", ", ",\n        ")
        line = f"    simulation.stub(\n        {task!r},\n        [{inside}\n        ],\n        {rest}"
        line += ",\n    )" if rest else ")"
    imports = {one for source in sources for one in source.imports} | (
        {"from headrace.testing import Returns"} if is_list else set()
    )
    return line, Source("", frozenset(imports), frozenset(one for source in sources for one in source.classes))
