"""Styles and scripts, as they are written into a page, and the colours of states, from the table of looks."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path

from headrace.core.looks import LOOKS

_FOLDER = Path(__file__).parent


@cache
def asset(name: str) -> str:
    """Return the text of a file that lies beside this one."""
    return (_FOLDER / name).read_text(encoding="utf-8")


@cache
def style(*names: str) -> str:
    """Return the style sheets of these names as one, the colours of states before them."""
    return "\n".join([palette(), *(asset(f"{name}.css") for name in names)])


def palette() -> str:
    """Return the colours of states as variables, for light and for dark pages, and a class for each type."""
    light = " ".join(f"--{type_}: {look.on_light};" for type_, look in LOOKS.items())
    dark = " ".join(f"--{type_}: {look.on_dark};" for type_, look in LOOKS.items())
    classes = "\n".join(f".s-{type_} {{ --state: var(--{type_}); }}" for type_ in LOOKS)
    return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n{classes}"


def policy(script: str, sheet: str) -> str:
    """Return the content security policy of a page that has this script and this style sheet, and may load nothing."""
    allowed = f"script-src {_hash(script)}; style-src {_hash(sheet)}"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
