"""The inside of one run on a trace: its states, what went in and came out, tracebacks and log.

What came at a position carries it (`data-from`), so that the page can hide what had not happened yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import zip_longest

from headrace.core.timeline import Row, seconds_text
from headrace.pages.timeline import state
from headrace.pages.trace import Entered, Line, Told


def body(row: Row, told: Told, prefix: str) -> str:
    """Return the inside of a run, in sections. `prefix` is that of the ids of rows."""
    sections = "".join(_sections(row, told, prefix))
    return f'<div class="body">{sections}</div>'


def _sections(row: Row, told: Told, prefix: str) -> Iterator[str]:
    left = (_states(told.states), _lines("Stubs and faults", told.faults), _facts(row, told, prefix))
    right = (_inputs(told), _output(told), _tracebacks(told), _log(told))
    for column in (left, right):
        yield f'<div class="column">{"".join(column)}</div>'


def _facts(row: Row, told: Told, prefix: str) -> str:
    facts = [(f"{row.kind}", f"<code>{escape(told.definition)}</code>"), ("id", f"<code>{row.id}</code>")]
    if told.tags:
        facts.append(("tags", " ".join(f"<code>{escape(tag)}</code>" for tag in told.tags)))
    if told.upstream:
        facts.append(("after", ", ".join(_link(name, number, prefix) for name, number in told.upstream)))
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
    return f"<section><h3>Run</h3><dl>{rows}</dl></section>"


def _link(name: str, number: int | None, prefix: str) -> str:
    return escape(name) if number is None else f'<a href="#{prefix}{number}">{escape(name)}</a>'


def _states(states: Sequence[Entered]) -> str:
    rows = "".join(_state(entered, after) for entered, after in zip_longest(states, states[1:]))
    head = "".join(f'<th scope="col">{name}</th>' for name in ("at", "for", "state", "because"))
    return f'<section><h3>States</h3><table class="states"><tr>{head}</tr>{rows}</table></section>'


def _state(entered: Entered, after: Entered | None) -> str:
    lasted = f'<span data-from="{after.position}">{seconds_text(after.at - entered.at)}</span>' if after else ""
    attempt = f" <small>attempt {entered.attempt}</small>" if entered.attempt > 1 else ""
    return (
        f'<tr data-from="{entered.position}"><td class="n">{seconds_text(entered.at)}</td><td class="n">{lasted}</td>'
        f"<td>{state(entered.type, entered.name)}{attempt}</td><td>{escape(entered.because)}</td></tr>"
    )


def _inputs(told: Told) -> str:
    if not told.inputs:
        return "<section><h3>Inputs</h3><p>none</p></section>"
    rows = "".join(f"<dt>{escape(name)}</dt><dd><pre>{escape(value)}</pre></dd>" for name, value in told.inputs.items())
    return f"<section><h3>Inputs</h3><dl>{rows}</dl></section>"


def _output(told: Told) -> str:
    if told.output is None:
        return "<section><h3>Output</h3><p>none: it has not ended</p></section>"
    at, kind = told.output.position, told.output.head
    return (
        f'<section><h3>Output</h3><p data-until="{at}" hidden>none yet</p>'
        f'<div data-from="{at}"><p>{escape(kind)}</p>{_pre(told.output.text)}</div></section>'
    )


def _pre(text: str) -> str:
    return f'<pre tabindex="0">{escape(text)}</pre>' if text else ""


def _tracebacks(told: Told) -> str:
    if not told.tracebacks:
        return ""
    parts = "".join(
        f'<div data-from="{one.position}"><p>{escape(one.head)}</p>{_pre(one.text)}</div>' for one in told.tracebacks
    )
    return f'<section data-from="{told.tracebacks[0].position}"><h3>Traceback</h3>{parts}</section>'


def _log(told: Told) -> str:
    if not told.log:
        return "<section><h3>Log</h3><p>no lines</p></section>"
    left_out = f" <small>the last {len(told.log)} of {len(told.log) + told.log_left_out} lines</small>"
    return _lines("Log", told.log, left_out if told.log_left_out else "")


def _lines(title: str, lines: Sequence[Line], more: str = "") -> str:
    return f"<section><h3>{title}{more}</h3>{table(lines)}</section>" if lines else ""


def table(lines: Sequence[Line]) -> str:
    """Return lines as a table: when, whose, what."""
    rows = "".join(
        f'<tr data-from="{line.position}"><td class="n">{seconds_text(line.at)}</td><td>{escape(line.head)}</td>'
        f"<td>{escape(line.text)}</td></tr>"
        for line in lines
    )
    return f'<table class="lines">{rows}</table>'
