"""Small things for users."""

from headrace.utilities import annotations

__all__ = ["annotations"]
