"""The files that pages load: one style, one script, and icons in the colours of states."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from headrace.core.looks import LOOKS
from headrace.pages.assets import asset, style

router = APIRouter(prefix="/static", include_in_schema=False)

_FOLDER = files("headrace.server.ui") / "static"
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="{colour}"/>'
    '<path d="M3 5h6M3 8h10M3 11h7" stroke="#fff" stroke-width="2" stroke-linecap="round"/></svg>'
)


@cache
def _files() -> dict[str, tuple[str, str]]:
    """Return what there is: the text of each file, and its type."""
    own = _FOLDER.joinpath("pages.css").read_text(encoding="utf-8")
    script = _FOLDER.joinpath("pages.js").read_text(encoding="utf-8") + asset("arrows.js") + asset("timeline.js")
    icons = {f"icon-{type_}.svg": _ICON.format(colour=look.colour) for type_, look in LOOKS.items()}
    return {
        "style.css": (style("base", "timeline", "arrows", "chart") + "\n" + own, "text/css"),
        "script.js": (script, "text/javascript"),
        **{name: (text, "image/svg+xml") for name, text in icons.items()},
    }


#: Changes when one of the files does, so that browsers may keep them for ever.
VERSION = sha256("".join(text for text, _ in _files().values()).encode()).hexdigest()[:12]


@router.get("/{version}/{name}")
def read_static(version: str, name: str) -> Response:
    """Return a file."""
    if name not in _files():
        raise HTTPException(404, f"There is no file {name!r}.")
    text, kind = _files()[name]
    kept = "public, max-age=31536000, immutable" if version == VERSION else "no-store"
    return Response(text, media_type=kind, headers={"Cache-Control": kept, "X-Content-Type-Options": "nosniff"})
