"""Write the list of settings into settings.md, from the table in `headrace.settings`.

Run ``python docs/write_settings.py`` after a change of that table; a test proves that the page is up to date.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headrace.settings import SETTINGS, Setting

FILE = Path(__file__).parent / "settings.md"
BEGIN, END = "<!-- settings: written by write_settings.py -->\n", "<!-- end of settings -->"
_HOME = Path("~/.headrace")


def listed() -> str:
    """Return the table of settings, in the order of the code."""
    rows = [f"| `{setting.name}` | {_default(setting)} | {setting.description} |\n" for setting in SETTINGS]
    return "".join(["| setting | default | |\n", "| --- | --- | --- |\n", *rows])


def _default(setting: Setting[Any]) -> str:
    value = _HOME if setting.field == "home" else setting.default_in(_HOME)
    return "none" if value is None else f"`{value}`" if not isinstance(value, bool) else f"`{str(value).lower()}`"


def with_list(page: str) -> str:
    """Return the page with the list in its place."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert end, f"settings.md has no place for the list: {BEGIN!r} … {END!r}"
    return f"{before}{BEGIN}{listed()}{END}{after}"


if __name__ == "__main__":
    FILE.write_text(with_list(FILE.read_text(encoding="utf-8")), encoding="utf-8")
