"""One shape for every error that the server answers with."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from headrace.exceptions import NotRetriable, ObjectAlreadyExists, ObjectNotFound, StoreError
from headrace.store.remote.answering import CantBeAnswered

_CODES = {
    **{400: "bad_request", 401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed"},
    **{413: "too_large", 421: "misdirected", 422: "invalid_request", 423: "locked"},
}


class Trouble(BaseModel):
    """What is wrong with one part of a request."""

    where: str = Field(description="Where in the request, as a path: body.limit.")
    message: str


class ErrorAnswer(BaseModel):
    """The answer to a request that can't be met."""

    detail: str = Field(description="What is wrong, for people.")
    code: str = Field(description="What is wrong, for programs: not_found, invalid_request, ….")
    errors: list[Trouble] = Field(default=[], description="Part by part, where a request does not validate.")


#: What routes say in the OpenAPI document about errors.
NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": ErrorAnswer}}
TAKEN: dict[int | str, dict[str, Any]] = {409: {"model": ErrorAnswer}}
LOCKED: dict[int | str, dict[str, Any]] = {423: {"model": ErrorAnswer}}
INVALID: dict[int | str, dict[str, Any]] = {422: {"model": ErrorAnswer}}
REFUSED: dict[int | str, dict[str, Any]] = {400: {"model": ErrorAnswer}, 401: {"model": ErrorAnswer}}


def answer(status: int, detail: str, code: str | None = None, errors: list[Trouble] | None = None) -> JSONResponse:
    """Return an error as a response."""
    body = ErrorAnswer(detail=detail, code=code or _CODES.get(status, "error"), errors=errors or [])
    return JSONResponse(body.model_dump(), status_code=status)


def install_errors(app: FastAPI) -> None:
    """Let an app answer with errors of this shape, whatever goes wrong."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, answer_refusal)
    app.add_exception_handler(ObjectNotFound, lambda request, error: answer(404, str(error)))
    app.add_exception_handler(ObjectAlreadyExists, lambda request, error: answer(409, str(error), "already_exists"))
    app.add_exception_handler(CantBeAnswered, lambda request, error: answer(422, str(error), "cant_be_answered"))
    app.add_exception_handler(NotRetriable, lambda request, error: answer(409, str(error), "not_retriable"))
    app.add_exception_handler(StoreError, lambda request, error: answer(503, str(error), "store_unavailable"))


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [Trouble(where=".".join(map(str, one["loc"])), message=one["msg"]) for one in error.errors()]
    said = "; ".join(f"{one.where}: {one.message}" for one in found[:3])
    return answer(422, f"The request does not validate: {said}.", "invalid_request", found)


async def answer_refusal(request: Request, error: Exception) -> JSONResponse:
    """Return what was refused, or is not there, as a response."""
    assert isinstance(error, HTTPException)
    response = answer(error.status_code, *_said(request, error))
    response.headers.update(error.headers or {})
    return response


def _said(request: Request, error: HTTPException) -> tuple[str, str | None]:
    """Return what is wrong, for people and for programs; of requests that no route takes, what there is instead."""
    asked, documented = f"{request.method} {request.url.path}", "/docs lists what the server answers."
    if error.status_code == 404 and error.detail == "Not Found":  # the router's own words
        return f"There is nothing at {asked}. {documented}", "no_such_path"
    if error.status_code == 405:
        taken = (error.headers or {}).get("Allow", "")
        return f"{asked} is not understood; {request.url.path} takes {taken}. {documented}", None
    return str(error.detail), None
