"""Routes by which other processes of headrace report here, and ask; `headrace.store.remote` is the other end.

They are no part of the API that is described: they may change with every release.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from headrace.server.api.finding import Served, served_store
from headrace.store.operations import Delivery
from headrace.store.remote import answering, paths

router = APIRouter(prefix=paths.PREFIX, include_in_schema=False)


Line = Annotated[int, Query(ge=0, le=2**53)]


@router.post("/spools/{spool}")
async def deliver(world: Served, request: Request, spool: str, after: Line, until: Line) -> Response:
    """Take what a process has recorded."""
    delivery = Delivery(answering.spool_id(spool), after, until)
    body, packed = await request.body(), request.headers.get("content-encoding") == "deflate"
    store, now = served_store(world), world.clock.now()
    answer = await run_in_threadpool(answering.deliver, store, delivery, body, now, packed=packed)
    return Response(answer, media_type="application/json")


@router.post("/ask/{question}")
async def ask(world: Served, request: Request, question: str) -> Response:
    """Answer what a store is asked."""
    body = await request.body()
    answer = await run_in_threadpool(answering.answer, served_store(world), question, body, world.clock.now())
    return Response(answer, media_type="application/json")
