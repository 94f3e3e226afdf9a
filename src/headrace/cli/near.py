"""What may have been meant by a name that is none."""

from __future__ import annotations

from collections.abc import Iterable


def near_misses(text: str, names: Iterable[str], listing: str) -> str:
    """Return a sentence with the names that come near, or that names the command which lists them."""
    import difflib  # only where something is wrong

    near = difflib.get_close_matches(text, list(names), n=3)
    return f"Did you mean {' or '.join(near)}?" if near else f"`{listing}` lists those that there are."
