"""The feed: each state that a run enters, as it happens, and each run that is deleted, as server-sent events.

An event has an id where the feed can be taken up again: sent back as the header Last-Event-ID, as browsers do by
themselves, or as `after`, it brings whatever has happened since, from any server over the same store. What several
runs enter at about the same time shares one id, that of the last of them: who is cut off in between is told some of it
again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from headrace.server.api.answers import StateAnswer
from headrace.server.api.finding import Served, served_store
from headrace.store.news import Change, Deleted, Mark, News, mark_of
from headrace.store.protocol import ServedStore

router = APIRouter(prefix="/events", tags=["Events"])

#: How often to look whether something has happened, and to show that the feed lives, in seconds.
LOOK_SECONDS, ALIVE_SECONDS = 0.25, 15.0
#: The word for the beginning of everything.
BEGINNING = "beginning"

_Place = Annotated[str | None, Query(max_length=200_000, description=f"An event's id; {BEGINNING!r}: tell everything.")]


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Events, until the client goes away."}},
)
async def stream_events(
    world: Served,
    request: Request,
    flow_run_id: Annotated[UUID | None, Query(description="Tell of this flow run and its task runs alone.")] = None,
    after: _Place = None,
    wait: Annotated[bool, Query(description="Whether to wait for more when all has been told.")] = True,
    last_event_id: Annotated[str | None, Header(description="Where the feed was cut off.")] = None,
) -> StreamingResponse:
    """Tell of states that runs enter, and of runs that are deleted, from now on or from a place on.

    Whichever process records it.
    """
    store = served_store(world)
    place = last_event_id or after
    since = await run_in_threadpool(_mark, store, place)
    ends: Callable[[], bool] = getattr(request.app.state, "is_ending", lambda: False)
    told = _told(store, since, flow_run_id, wait=wait, ends=ends)
    return StreamingResponse(told, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


def _mark(store: ServedStore, place: str | None) -> Mark:
    if not place:
        return store.mark()
    if place == BEGINNING:
        return Mark(deleted=store.mark().deleted)
    try:
        return mark_of(place)
    except ValueError as error:
        raise HTTPException(400, str(error)) from None


async def _told(
    store: ServedStore, since: Mark, flow_run_id: UUID | None, *, wait: bool, ends: Callable[[], bool]
) -> AsyncIterator[str]:
    """Yield events. Each reader looks for itself, when it has taken what it was told: a slow one looks less often."""
    news = News((), since)
    yield f"id: {since}\nevent: begin\ndata: {{}}\n\n"  # so that who is cut off before anything happens misses nothing
    silent = 0.0
    while not ends():
        news = await run_in_threadpool(store.news, news.mark, news.version)
        changes: list[Change | Deleted] = [*news.changes, *news.deleted]
        wanted = [change for change in changes if _is_of(change, flow_run_id)]
        if wanted:
            yield _events(wanted, news.mark)
            silent = 0.0
        if not news.is_all:
            continue
        if not wait:
            return
        if silent >= ALIVE_SECONDS:
            yield f"id: {news.mark}\nevent: alive\ndata: {{}}\n\n"
            silent = 0.0
        await asyncio.sleep(LOOK_SECONDS)
        silent += LOOK_SECONDS


def _is_of(change: Change | Deleted, flow_run_id: UUID | None) -> bool:
    return flow_run_id is None or flow_run_id in (change.run_id, change.flow_run_id)


def _events(changes: list[Change | Deleted], mark: Mark) -> str:
    events = [_event(change) for change in changes]
    return "".join([*events[:-1], f"id: {mark}\n", events[-1]])


def _event(change: Change | Deleted) -> str:
    belongs_to = None if change.flow_run_id is None else str(change.flow_run_id)
    told: dict[str, Any] = {"kind": change.kind, "run_id": str(change.run_id), "flow_run_id": belongs_to}
    if isinstance(change, Deleted):
        return _written("deleted", told)
    state = StateAnswer.of(change.state).model_dump(mode="json")
    return _written("state", told | {"run_name": change.run_name, "position": change.position, "state": state})


def _written(event: str, data: dict[str, Any]) -> str:
    return f"event: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
