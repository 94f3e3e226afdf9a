"""Bytes to the server and back, over HTTP.

By `http.client`, not by a library: importing httpx takes four times as long (0.08 s, which is most of what a short
script takes altogether), and all that is needed here is to post some bytes on a connection that is kept.
"""

from __future__ import annotations

import json
import select
import ssl
from binascii import b2a_base64
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import NoReturn, Protocol
from urllib.parse import urlsplit

from headrace._version import __version__
from headrace.exceptions import ObjectAlreadyExists, ObjectNotFound, StoreError, StoreOutOfReach

#: How long to wait for a connection, and for an answer, in seconds.
_CONNECT, _ANSWER = 3.0, 30.0
#: A server that says one of these has not done what it was asked, and may do so later.
_LATER = (429, 502, 503, 504)


class NotTaken(ValueError):
    """The server does not take what it was sent: it makes no sense, or is too long."""


class Transport(Protocol):
    """Carries a request to the server."""

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Return the answer. Raises StoreOutOfReach where there is none, NotTaken, and what else the server says."""
        ...

    def close(self) -> None:
        """Let go of all connections."""
        ...


class Http:
    """Requests to one server, from any thread, on connections that are kept."""

    def __init__(self, url: str, *, auth: str | None = None, key: str | None = None) -> None:
        """Send `auth`, ``user:password``, as Basic, or else `key` as a Bearer token, if one of them is given."""
        self._url = url
        parts = urlsplit(url)
        self._host, self._port, self._prefix = parts.hostname or "", parts.port, parts.path
        self._secure = parts.scheme == "https"
        self._headers = {"Content-Type": "application/json", "User-Agent": f"headrace/{__version__}", **_who(auth, key)}
        self._idle: list[HTTPConnection] = []

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Return the answer."""
        connection = self._connection()
        try:
            connection.request("POST", self._prefix + path, body, {**self._headers, **headers})
            response = connection.getresponse()
            answer = response.read()
        except (OSError, HTTPException) as error:
            connection.close()
            raise self._out_of_reach(error) from error
        except BaseException:
            connection.close()  # what comes of the request is not for the next one
            raise
        self._keep(connection, response)
        if response.status >= 300:
            refused(response.status, answer, self._url)
        return answer

    def close(self) -> None:
        """Let go of all connections."""
        while self._idle:
            self._idle.pop().close()

    def _connection(self) -> HTTPConnection:
        while self._idle:
            connection = self._idle.pop()
            if connection.sock is not None and not select.select([connection.sock], [], [], 0)[0]:
                return connection
            connection.close()  # the server has closed it
        made = self._new()
        try:
            made.connect()
        except OSError as error:
            raise self._out_of_reach(error) from error
        made.sock.settimeout(_ANSWER)
        return made

    def _new(self) -> HTTPConnection:
        if self._secure:
            return HTTPSConnection(self._host, self._port, timeout=_CONNECT, context=ssl.create_default_context())
        return HTTPConnection(self._host, self._port, timeout=_CONNECT)

    def _keep(self, connection: HTTPConnection, response: HTTPResponse) -> None:
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)

    def _out_of_reach(self, error: Exception) -> StoreOutOfReach:
        if isinstance(error, ssl.SSLCertVerificationError):
            return StoreOutOfReach(
                f"The server at {self._url} is not trusted: {error.verify_message}. Name the file of the certificate "
                "that vouches for it in SSL_CERT_FILE, or give the server one that this system trusts."
            )
        said = str(getattr(error, "strerror", None) or error or type(error).__name__)
        return StoreOutOfReach(
            f"The server at {self._url} can't be reached: {said}. See whether it runs (`headrace server status`, where "
            "it is this machine), and whether HEADRACE_API_URL is its address."
        )


def refused(status: int, answer: bytes, url: str) -> NoReturn:
    """Raise what the server says is wrong."""
    try:
        told = json.loads(answer)
        detail, code = str(told["detail"]), str(told["code"])
    except (ValueError, KeyError, TypeError):
        detail, code = answer[:200].decode(errors="replace"), ""
    if code == "not_found":
        raise ObjectNotFound(detail)
    if code == "already_exists":
        raise ObjectAlreadyExists(detail)
    if code == "cant_be_answered" or status == 413:
        raise NotTaken(detail)
    if status in _LATER:
        raise StoreOutOfReach(f"The server at {url} can't do it now: {detail}")
    if status in (401, 403):
        raise StoreError(
            f"The server at {url} does not let us in: {detail} Set HEADRACE_API_AUTH_STRING to what its "
            "HEADRACE_SERVER_API_AUTH_STRING is."
        )
    raise StoreError(
        f"The server at {url} answers {status} ({detail.rstrip('.')}). Its address may be another one, "
        "which ends with /api, or it is of another version of headrace."
    )


def _who(auth: str | None, key: str | None) -> dict[str, str]:
    if auth is not None:
        return {"Authorization": f"Basic {b2a_base64(auth.encode(), newline=False).decode()}"}
    return {} if key is None else {"Authorization": f"Bearer {key}"}
