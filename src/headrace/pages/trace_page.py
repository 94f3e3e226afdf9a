"""The page of a trace: one file that needs nothing else, and may load nothing else.

Without JavaScript it shows how all ended. With it, the insides of runs become part of the page only when they are
opened (until then each is text in a `noscript`), so that ten thousand of them are no burden.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from headrace.core.looks import LOOKS
from headrace.core.state_types import StateType
from headrace.pages.arrows import arrows
from headrace.pages.assets import asset, policy, style
from headrace.pages.forest import Node
from headrace.pages.run_body import body, table
from headrace.pages.timeline import DEFINITIONS, axis, legend, timeline
from headrace.pages.trace import Act, Told, Trace

_OUTCOMES = {"passed": StateType.COMPLETED, "failed": StateType.FAILED}
_BUTTONS = (
    ("first", "To the beginning", "M3 2 V12 M11 2 L5 7 L11 12"),
    ("-1", "One event back", "M9 2 L4 7 L9 12"),
    ("1", "One event on", "M5 2 L10 7 L5 12"),
    ("last", "To the end", "M3 2 L9 7 L3 12 M11 2 V12"),
)


def page(trace: Trace) -> str:
    """Return the page as HTML."""
    sheet, script = style("base", "timeline", "arrows", "trace"), asset("arrows.js") + asset("trace.js")
    acts = "\n".join(_act(number, act) for number, act in enumerate(trace.acts))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(policy(script, sheet))}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(trace.outcome)}: {escape(trace.test)}</title>
<style>{sheet}</style>
</head>
<body>
{DEFINITIONS}
{_head(trace)}
{_tabs(trace.acts)}
<main>
{acts}
</main>
<script>{script}</script>
</body>
</html>
"""


def _head(trace: Trace) -> str:
    looks_like = _OUTCOMES.get(trace.outcome, StateType.PENDING)
    sign = f'<i aria-hidden="true">{LOOKS[looks_like].symbol}</i>'
    outcome = f'<span class="outcome s-{looks_like}">{sign} {escape(trace.outcome)}</span>'
    path, _, name = trace.test.rpartition("::")
    error = f'<pre class="error" tabindex="0">{escape(trace.error)}</pre>' if trace.error else ""
    return f"""<header class="top">
<p class="path">{escape(path or "headrace trace")}</p>
<h1>{escape(name)} {outcome}</h1>
{error}
<div class="replay"><span id="replay-label">Replay</span>{_copied("command", trace.command)}</div>
</header>"""


def _copied(name: str, text: str) -> str:
    """Return text that can be copied."""
    return (
        f'<div class="copied"><pre tabindex="0"><code>{escape(text)}</code></pre>'
        f'<button type="button" class="copy scripted" aria-label="Copy the {name}">Copy</button></div>'
    )


def _tabs(acts: Sequence[Act]) -> str:
    if len(acts) < 2:
        return ""
    buttons = "".join(_tab(number, act) for number, act in enumerate(acts))
    return f'<nav class="acts scripted" aria-label="Worlds of this test">{buttons}</nav>'


def _tab(number: int, act: Act) -> str:
    pressed = "false" if number else "true"
    return f'<button type="button" data-act="{number}" aria-pressed="{pressed}">{escape(act.headline)}</button>'


def _act(number: int, act: Act) -> str:
    prefix = f"run-{number}-"
    head = f"<h2>{escape(act.headline)}</h2>\n{_program(act.program)}"
    if act.trouble:
        trouble = f"<p>Its runs can't be shown: {escape(act.trouble)}</p>"
        return f'<section class="act" id="act-{number}">{head}{trouble}</section>'
    rows = timeline(act.rows, act.axis, lambda i, row: _hidden(body(row, act.runs[i], prefix)), act.marks, prefix)
    return f"""<section class="act" id="act-{number}" data-prefix="{prefix}">
{head}
<div class="chart">
{_panel(act)}
<div class="laid">
{rows}
{arrows([Node(number, row) for number, row in enumerate(act.rows)], act.axis)}
</div>
{_left_out(act)}
</div>
{legend(act.rows, act.marks)}
{"".join(_tables(act))}
<script type="application/json">{_data(act)}</script>
</section>"""


def _hidden(markup: str) -> str:
    return f"<noscript>{markup}</noscript>"


def _program(program: str) -> str:
    if not program:
        return ""
    copied = _copied("program", program)
    return f'<details class="program"><summary>The program that repeats it</summary>{copied}</details>'


def _left_out(act: Act) -> str:
    if not act.runs_left_out:
        return ""
    return f'<p class="note">{act.runs_left_out} more runs are left out: a trace shows {len(act.rows)} at most.</p>'


def _panel(act: Act) -> str:
    last = max(len(act.positions) - 1, 0)
    buttons = "".join(_button(*button) for button in _BUTTONS)
    unit = "virtual time" if act.axis.unit == "seconds" else "the order of events; no time passed"
    return f"""<div class="panel">
<div class="controls scripted">
<div class="buttons">
{buttons}
</div>
<div class="moment"><b></b> <span></span></div>
<label class="filter"><span class="unseen">Show runs whose name or state contains</span>
<input type="search" placeholder="Filter {len(act.rows)} runs"></label>
</div>
<p class="event scripted" aria-live="polite"><a></a></p>
<div class="head">
<span>run</span><span>state</span>
<span class="n">attempts</span><span class="n">start</span><span class="n">took</span>
<div class="axis" role="slider" tabindex="0" aria-label="Moment, on {unit}" aria-valuemin="0" aria-valuemax="{last}"
 aria-valuenow="{last}">{axis(act.axis)}{_events(act)}</div>
</div>
</div>"""


def _button(go: str, said: str, icon: str) -> str:
    drawn = f'<svg aria-hidden="true" width="14" height="14" viewBox="0 0 14 14"><path d="{icon}"/></svg>'
    return f'<button type="button" data-go="{go}" aria-label="{said}" title="{said}">{drawn}</button>'


def _events(act: Act) -> str:
    """Draw where things happened, each place once."""
    in_steps = act.axis.unit == "steps"
    places = {act.axis.percent(n if in_steps else position.at) for n, position in enumerate(act.positions)}
    if len(places) > 1000:  # more than there are pixels: to a tenth of a percent
        places = {f"{round(float(place[:-1]), 1):g}%" for place in places}
    drawn = "".join(f'<rect x="{place}" width="1" height="6"/>' for place in sorted(places))
    return f'<svg class="events" aria-hidden="true" width="100%" height="6">{drawn}</svg>'


def _tables(act: Act) -> Iterator[str]:
    for title, lines in act.tables:
        inside = _hidden(f"<div>{table(lines)}</div>")
        yield f'<details class="table"><summary>{escape(title)}</summary>{inside}</details>'


def _data(act: Act) -> str:
    """Return what the script needs to know, as JSON that may stand in a page."""
    names: dict[tuple[str, str], int] = {}
    runs = [_course(told, names) for told in act.runs]
    value: dict[str, Any] = {
        "span": act.axis.span,
        "unit": act.axis.unit,
        "began": act.began.timestamp() * 1000 if act.began else None,
        "at": [round(position.at, 6) for position in act.positions],
        "row": [position.row for position in act.positions],
        "said": [position.said for position in act.positions],
        "states": [[name, type_, LOOKS[StateType(type_)].symbol] for name, type_ in names],
        "runs": runs,
    }
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _course(told: Told, names: dict[tuple[str, str], int]) -> list[list[int]]:
    """Return which states a run entered at which positions."""
    return [[one.position, names.setdefault((one.name, one.type.value), len(names))] for one in told.states]
