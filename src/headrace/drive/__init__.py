"""How effects are carried out: two short drivers, one for sync and one for asyncio, over one world."""

from typing import Any

from headrace.core.kept import Kept


def _fetch(kept: Kept) -> Any:
    from headrace.drive.fetching import fetch  # most programs read no results of others

    return fetch(kept)


Kept.fetch = staticmethod(_fetch)
