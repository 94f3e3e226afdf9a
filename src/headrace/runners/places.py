"""What travels to another process as the place where it is found, whatever is there: nothing, but for those who patch.

On virtual time there are stand-ins in the place of `time.sleep` and others. Neither they nor what they stand for are
found under their own names, so a pickle says the place; in the worker process its own stand-in is there.
"""

from __future__ import annotations

#: Module and name by the `id` of what is, or may be, found there.
PLACES: dict[int, tuple[str, str]] = {}
