"""Templates, and what they may call."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib.metadata import version

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from headrace.core.looks import LOOKS
from headrace.core.state_types import StateType
from headrace.core.timeline import Row, seconds_text
from headrace.pages import timeline
from headrace.pages.chart import chart
from headrace.server.ui.bars import SLOTS
from headrace.server.ui.groups import GROUPS
from headrace.server.ui.logs import LEVELS, LOG_ORDERS
from headrace.server.ui.markdown import markdown
from headrace.server.ui.ranges import RANGES
from headrace.server.ui.static import VERSION
from headrace.server.ui.tabs import TABS
from headrace.server.ui.urls import Urls
from headrace.server.ui.wanted import ORDERS

URLS = Urls(VERSION)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("headrace.server.ui"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "urls": URLS,
        "looks": LOOKS,
        "headrace_version": version("headrace"),
        "definitions": Markup(timeline.DEFINITIONS),
        "state": _state,
        "chart": _chart,
        "orders": ORDERS,
        "levels": LEVELS,
        "log_orders": LOG_ORDERS,
        "tabs": TABS,
        "groups": GROUPS,
        "ranges": RANGES,
        "slots": SLOTS,
    }
    made.filters |= {
        "seconds": seconds_text,
        "moment": moment,
        "instant": instant,
        "ago": ago,
        "thousands": "{:,}".format,
        "markdown": markdown,
    }
    return made


def render(template: str, page: object, sections: Sequence[tuple[str, str]] = ()) -> str:
    """Return a template, filled with a page's context. `sections` are the pages that it leads to, by name."""
    return _environment().get_template(template).render(page=page, sections=sections)


def _state(type_: StateType | None, name: str) -> Markup:
    return Markup(timeline.state(type_, name))


def moment(at: datetime | None, precision: str = "seconds") -> Markup:
    """Write a moment, to the second; a dash for None."""
    if at is None:
        return Markup("–")
    told = at.replace(tzinfo=None).isoformat(" ", timespec=precision)
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat().replace("+00:00", "Z"), told)


def instant(at: datetime | None) -> Markup:
    """Write a moment to the millisecond."""
    return moment(at, "milliseconds")


def ago(at: datetime | None, now: datetime) -> str:
    """Write how long ago a moment is, in one unit."""
    if at is None:
        return ""
    passed = (now - at).total_seconds()
    if abs(passed) < 1:
        return "just now"
    told = re.sub(r"(?<=[mhd]) .*", "", seconds_text(round(abs(passed))))
    return f"{told} ago" if passed > 0 else f"in {told}"


def _chart(rows: Sequence[Row]) -> Markup:
    return Markup(chart(rows, lambda row: URLS.run(row.kind, row.id)))
