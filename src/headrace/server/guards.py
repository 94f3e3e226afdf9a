"""What a request has to get past before anything looks at it: its size, where it comes from, and who it is of.

A page on the web can make a browser send requests to addresses of the machine it runs on. Two things keep such a page
out: a request that changes something and says that it comes from elsewhere is refused; and so is one that was sent to
a name which is not ours (whoever owns a name can let it point to 127.0.0.1).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headrace.server.api.errors import answer

#: How long the body of a request may be, in bytes.
MOST_BYTES = 10_000_000
_SAFE = ("GET", "HEAD", "OPTIONS")
#: Names of the machine itself.
LOOPBACK = ("127.0.0.1", "localhost", "::1")
#: Who may ask without saying who they are: whatever watches over the server.
_OPEN = ("/api/health",)


class Guards:
    """The middleware that refuses what may not come in.

    `hosts` are the names that a request may have been sent to; none: any. `auth` is what a request must authenticate
    with, ``user:password`` or a token; None: nothing.
    """

    def __init__(
        self, app: ASGIApp, hosts: Collection[str], auth: str | None = None, most_bytes: int = MOST_BYTES
    ) -> None:
        self._app, self._hosts, self._auth, self._most = app, hosts, auth, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(Request(scope))
        if refusal is not None:
            status, said = refusal
            response = answer(status, said)
            if status == 401:
                response.headers["WWW-Authenticate"] = 'Basic realm="headrace"'
            await response(scope, receive, send)
            return
        await self._app(scope, _Measured(receive, self._most), send)

    def _refusal(self, request: Request) -> tuple[int, str] | None:
        host = _host(request.headers.get("host", ""))
        if self._hosts and host not in self._hosts:
            return 421, f"This server does not answer for {host!r}; it does for {', '.join(sorted(self._hosts))}."
        if request.method not in _SAFE and _is_from_elsewhere(request.headers):
            return 403, "A page of another site may not change anything here."
        if self._auth is not None and request.url.path not in _OPEN and not _is_let_in(request.headers, self._auth):
            return 401, "Say who you are: send the server's HEADRACE_SERVER_API_AUTH_STRING as Basic or Bearer."
        length = request.headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._most:
            return 413, f"The body has {length} bytes, and may have {self._most}."
        return None


class _Measured:
    """What is received of a request whose length nobody told, up to the bound."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._most, self._left = receive, most, most

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413, f"The body has more than the {self._most} bytes that it may have.")
        return message


def _host(header: str) -> str:
    return urlsplit(f"//{header}").hostname or ""


def _is_from_elsewhere(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


def _is_let_in(headers: Headers, auth: str) -> bool:
    kind, _, given = headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return False
    elif kind.lower() != "bearer":
        return False
    return hmac.compare_digest(given.encode(), auth.encode())
