"""Pieces of sentences that messages are made of."""

from __future__ import annotations


def kind_of(value: object) -> str:
    """Return the class of a value with its article: ``an int``, ``a str``."""
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeio' else 'a'} {name}"
