"""The page of a trace, as markup: complete, and with nothing in it that users could make it do."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from uuid import UUID

from headrace.core.state_types import StateType
from headrace.core.timeline import Row, Segment
from headrace.pages.timeline import Axis
from headrace.pages.trace import Act, Entered, Line, Position, Told, Trace
from headrace.pages.trace_page import page

EVIL = "<script>alert(1)</script><img src=x onerror='alert(1)'>\"'&</noscript></script>\u2028"


class Reader(HTMLParser):
    """Reads a page as a browser without JavaScript does."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "input", "line", "rect", "use", "path"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("meta", "input"):
            assert self.open.pop() == tag, "what is opened last is closed first"

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def evil_trace() -> Trace:
    """Return a trace all of whose words are meant to do harm."""
    line = Line(1, 1.0, EVIL, EVIL)
    row = Row(
        id=UUID(int=1),
        kind="task",
        name=EVIL,
        definition=EVIL + "2",
        depth=0,
        state_type=StateType.COMPLETED,
        state_name=EVIL,
        message=EVIL,
        attempts=1,
        offset=0.0,
        duration=1.0,
        segments=(Segment(StateType.RUNNING, EVIL, 0.0, 1.0),),
    )
    told = Told(
        definition=EVIL,
        tags=[EVIL],
        upstream=[(EVIL, 0), (EVIL, None)],
        inputs={EVIL: EVIL},
        states=[
            Entered(0, 0.0, StateType.RUNNING, EVIL, 1, EVIL),
            Entered(1, 1.0, StateType.COMPLETED, EVIL, 0, EVIL),
        ],
        output=line,
        tracebacks=[line],
        log=[line],
        faults=[line],
    )
    positions = [Position(0.0, 0, EVIL), Position(1.0, 0, EVIL)]
    shown = Act(
        headline=EVIL,
        program=EVIL,
        axis=Axis(1.0),
        rows=[row],
        runs=[told],
        positions=positions,
        tables=[(EVIL, [line])],
    )
    hidden = Act(headline=EVIL, program=EVIL, trouble=EVIL)
    return Trace(test=f"{EVIL}::{EVIL}", outcome=EVIL, error=EVIL, command=EVIL, acts=[shown, hidden])


def test_what_users_named_and_said_stays_text() -> None:
    """In every place that a trace has for it."""
    text = page(evil_trace())
    read = Reader(text)
    assert read.open == []
    assert read.tags.count("script") == 2
    assert "img" not in read.tags
    assert [name for name, _ in read.attributes if name.startswith("on") or name == "style"] == []
    (data,) = [part for part in read.texts if part.startswith('{"span"')]
    assert json.loads(data)["said"] == [EVIL, EVIL]


def test_a_page_asks_for_nothing() -> None:
    """No address is in it but those of its own parts."""
    read = Reader(page(evil_trace()))
    assert {"link", "iframe", "object", "base", "form"} & set(read.tags) == set()
    leads = [value for name, value in read.attributes if name in ("href", "src", "action")]
    assert leads
    assert [value for value in leads if value is None or not value.startswith("#")] == []
    policies = [value for name, value in read.attributes if name == "content" and value and "src" in value]
    assert policies[0] is not None
    assert policies[0].startswith("default-src 'none'; script-src 'sha256-")
