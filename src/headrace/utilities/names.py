"""Names for things, and hiding what is nobody's business."""

from __future__ import annotations

from headrace.core.names import slug
from headrace.drive.world import current_world

__all__ = ["generate_slug", "obfuscate", "obfuscate_string"]

_WIDTH = 8
_SHOWN = 4
#: So much stays hidden however long the text is.
_HIDDEN = 10


def generate_slug(n_words: int = 2) -> str:
    """Return a friendly name of at least `n_words` words, such as ``mellow-otter``."""
    draw = current_world().random.random
    return "-".join(slug(draw) for _ in range(max((n_words + 1) // 2, 1)))


def obfuscate_string(s: str, show_tail: bool = False) -> str:
    """Return eight asterisks; with `show_tail` the last of them, four at most, are the end of a text beyond ten."""
    shown = min(max(len(s) - _HIDDEN, 0), _SHOWN) if show_tail else 0
    return "*" * (_WIDTH - shown) + (s[-shown:] if shown else "")


def obfuscate(s: object, show_tail: bool = False) -> str:
    """Do as `obfuscate_string`; what is no string is hidden whole."""
    return obfuscate_string(s if isinstance(s, str) else "", show_tail)
