"""Reading the pages."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), ROOT / "README.md"])

_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    """Return a page without its blocks of code and what readers do not see."""
    return _COMMENT.sub("", _FENCED.sub("", page.read_text(encoding="utf-8")))


def shown(page: Path) -> str:
    """Return what readers see of a page, its blocks of code included."""
    return _COMMENT.sub("", page.read_text(encoding="utf-8"))


def everything() -> str:
    """Return what readers see of all pages."""
    return "\n".join(map(shown, PAGES))


def headings(page: Path) -> list[str]:
    """Return the headings of a page."""
    return _HEADING.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """Return the anchors that renderers of Markdown give to the headings of a page."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings(page)}


def links(page: Path) -> list[str]:
    """Return where the links and pictures of a page lead."""
    return _LINK.findall(prose(page))


def section(page: Path, heading: str) -> str:
    """Return what stands under a heading, up to the next of any level."""
    parts = re.split(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[heading]
