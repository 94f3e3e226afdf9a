"""Colours that can be read, and a page that may load nothing."""

from __future__ import annotations

import re

import pytest

from headrace.core.looks import LOOKS
from headrace.pages.assets import asset, palette, policy


def variables(mode: str) -> dict[str, str]:
    """Return the colours of a page in one mode: those of the base style, and those of states."""
    whole = asset("base.css") + palette()
    blocks = re.findall(r"(@media \(prefers-color-scheme: dark\) \{ )?:root \{(.*?)\}", whole, re.DOTALL)
    found = [text for dark, text in blocks if bool(dark) == (mode == "dark")]
    return {name: value for text in found for name, value in re.findall(r"--(\w+): (#\w+)", text)}


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG defines it, from 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_can_be_read_on_every_background(mode: str) -> None:
    """4.5 to 1 at least, states in their colours included."""
    colours = variables(mode)
    texts = ["text", "soft", "good", "bad", "accent", *LOOKS]
    poor = [
        (text, back, round(contrast(colours[text], colours[back]), 2))
        for text in texts
        for back in ("back", "fill")
        if contrast(colours[text], colours[back]) < 4.5
    ]
    assert poor == []


def test_a_page_may_run_its_own_script_and_load_nothing() -> None:
    """Its policy names the one script and the one style sheet by their hashes."""
    said = policy("alert(1)", "p { color: red }")
    assert said.startswith("default-src 'none'; script-src 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='; ")
    assert "unsafe" not in said
