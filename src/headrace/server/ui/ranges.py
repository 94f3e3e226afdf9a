"""How far back pages look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Range = Literal["1h", "24h", "7d", "30d"]
#: What people read, and hours.
RANGES: Mapping[Range, tuple[str, int]] = {
    "1h": ("Last hour", 1),
    "24h": ("Last 24 hours", 24),
    "7d": ("Last 7 days", 7 * 24),
    "30d": ("Last 30 days", 30 * 24),
}
