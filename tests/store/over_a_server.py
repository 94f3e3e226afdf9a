"""A server without a network: what a `RemoteStore` posts is answered in this process, by the same code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from headrace.exceptions import StoreOutOfReach
from headrace.store.operations import Delivery
from headrace.store.protocol import ServedStore
from headrace.store.remote import answering, paths
from headrace.store.remote.store import RemoteStore
from headrace.store.remote.transport import NotTaken

from .making import T0

URL = "http://server.test/api"


class Here:
    """Carries requests to a store in this process; `is_up` False: to nowhere. `posted` are the paths."""

    def __init__(self, store: ServedStore) -> None:
        self.store, self.is_up, self.posted = store, True, list[str]()
        #: The answer to this many further deliveries is lost on its way back.
        self.loses = 0
        self.loses_answers_to = ""

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        if not self.is_up:
            raise StoreOutOfReach("The server is down.")
        self.posted.append(path)
        parts = urlsplit(path)
        what, name = parts.path.removeprefix(f"{paths.PREFIX}/").split("/")
        try:
            return self._answer(what, name, parts.query, body, headers)
        except answering.CantBeAnswered as error:
            raise NotTaken(str(error)) from None

    def _answer(self, what: str, name: str, query: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        if what == "ask":
            answer = answering.answer(self.store, name, body, T0)
            if name == self.loses_answers_to:
                raise StoreOutOfReach("The answer was lost.")
            return answer
        after, until = (int(parse_qs(query)[word][0]) for word in ("after", "until"))
        delivery = Delivery(answering.spool_id(name), after, until)
        packed = headers.get("Content-Encoding") == "deflate"
        answer = answering.deliver(self.store, delivery, body, T0, packed=packed)
        if self.loses:
            self.loses -= 1
            raise StoreOutOfReach("The answer was lost.")
        return answer

    def close(self) -> None: ...


def reporting_to(
    store: ServedStore, folder: Path, clock: Any = None, here: Here | None = None
) -> tuple[RemoteStore, Here]:
    """Return a store that reports to another one, and what carries it there."""
    here = here or Here(store)
    return RemoteStore(URL, folder, transport=lambda: here, clock=clock), here


class Owning(RemoteStore):
    """A store that closes what it reports to."""

    def __init__(self, store: ServedStore, folder: Path) -> None:
        super().__init__(URL, folder, transport=lambda: Here(store))
        self._behind = store

    def close(self) -> None:
        super().close()
        self._behind.close()
