"""Named values that flows share, and that people may change without changing code: they are kept in the store.

Every method can be awaited in async code, and has a twin that gives a coroutine, whose name begins with an ``a``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from headrace.core.awaiting import awaitable_too
from headrace.core.things import VariableRecord, checked_name, checked_value
from headrace.drive.world import current_world
from headrace.exceptions import ObjectAlreadyExists, VariableExists

__all__ = ["Variable"]


@dataclass
class Variable:
    """A named value: a string, a number, a boolean, None, a list or a dict, of less than 5,000 characters as JSON.

    The name is made of lowercase letters, digits, dashes and underscores, 255 at most. `tags` group
    variables for people.
    """

    name: str
    value: Any
    tags: list[str] = field(default_factory=list)

    @classmethod
    @awaitable_too
    def set(cls, name: str, value: Any, tags: list[str] | None = None, overwrite: bool = False) -> Variable:
        """Give a variable a value, and return it.

        Where there is one of this name already, VariableExists (a ValueError) is raised; with `overwrite` it gets this
        value and these tags. Raises InvalidNameError for a name, and ValueError for a value that can't be kept.
        """
        return cls._set(name, value, tags, overwrite)

    @classmethod
    async def aset(cls, name: str, value: Any, tags: list[str] | None = None, overwrite: bool = False) -> Variable:
        """Give a variable a value, and return it; see `set`."""
        return cls._set(name, value, tags, overwrite)

    @classmethod
    @awaitable_too
    def get(cls, name: str, default: Any = None) -> Any:
        """Return the value of a variable, or `default` where there is none of this name."""
        return cls._get(name, default)

    @classmethod
    async def aget(cls, name: str, default: Any = None) -> Any:
        """Return the value of a variable; see `get`."""
        return cls._get(name, default)

    @classmethod
    @awaitable_too
    def unset(cls, name: str) -> bool:
        """Remove a variable. False if there was none of this name."""
        return cls._unset(name)

    @classmethod
    async def aunset(cls, name: str) -> bool:
        """Remove a variable; see `unset`."""
        return cls._unset(name)

    @classmethod
    def _set(cls, name: str, value: Any, tags: Iterable[str] | None, overwrite: bool) -> Variable:
        world, now = current_world(), current_world().clock.now()
        checked_name(name)
        wanted = VariableRecord(
            id=world.new_id(),
            created=now,
            updated=now,
            name=name,
            value=checked_value(name, value),
            tags=_checked_tags(tags),
        )
        try:
            kept = world.store.put_variable(wanted, overwrite=overwrite)
        except ObjectAlreadyExists:
            raise VariableExists(
                f"There is a variable {name!r} already; write overwrite=True to change its value."
            ) from None
        return cls(kept.name, kept.value, list(kept.tags))

    @classmethod
    def _get(cls, name: str, default: Any) -> Any:
        found = _named(name)
        return default if found is None else found.value

    @classmethod
    def _unset(cls, name: str) -> bool:
        found = _named(name)
        return found is not None and current_world().store.delete_variable(found.id)


def _named(name: str) -> VariableRecord | None:
    from headrace.store.conditions import one_of  # most runs ask for nothing

    found = current_world().store.variables(one_of("name", [name]))
    return found[0] if found else None


def _checked_tags(tags: Iterable[str] | None) -> tuple[str, ...]:
    if tags is None:
        return ()
    if isinstance(tags, str) or not all(isinstance(tag, str) for tag in tags):
        raise TypeError(f"{tags!r} are no tags: write a list of words, as ['web'].")
    return tuple(tags)
