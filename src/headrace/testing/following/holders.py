"""Giving stand-ins to all who hold a function, but under no name of a module: classes, defaults, objects.

They are looked for by way of the garbage collector, which takes milliseconds. So it is done only when a function is
held more often than it was: references are counted. Who holds a stand-in keeps it; outside of simulations it
calls the real function.
"""

from __future__ import annotations

import functools
import gc
import sys
from collections.abc import Callable, Iterable, Mapping
from types import CellType, FunctionType, MemberDescriptorType
from typing import Any

from headrace.testing.following.active import is_real
from headrace.testing.following.native import is_native

#: The real functions, and what stands in for each.
StandIns = Mapping[Callable[..., Any], Any]


class Holders:
    """Who holds some functions. `more` returns further ones, of which nobody counts who holds them."""

    def __init__(self, stand_ins: StandIns, more: Callable[[], StandIns]) -> None:
        self._stand_ins = stand_ins
        self._more = more
        self._by_id: dict[int, Any] = {}
        self._counted: list[int] = []

    def give(self) -> None:
        """Give stand-ins to all who have come to hold a function."""
        counted = self._count()
        if not self._counted or any(now > before for now, before in zip(counted, self._counted, strict=True)):
            self._look_for_holders()
            counted = self._count()
        self._counted = counted

    def _look_for_holders(self) -> None:
        stand_ins = {**self._stand_ins, **self._more()}
        self._by_id = {id(real): stand_in for real, stand_in in stand_ins.items()}
        ours = {id(self._stand_ins), id(stand_ins)}
        modules = {id(vars(module)) for module in list(sys.modules.values()) if hasattr(module, "__dict__")}
        self._give_to([one for one in gc.get_referrers(*stand_ins) if id(one) not in modules | ours])

    def _count(self) -> list[int]:
        return [sys.getrefcount(real) for real in self._stand_ins]

    def _give_to(self, found: list[Any]) -> None:
        inner = {id(one): one for one in found if isinstance(one, dict | tuple)}
        owners = gc.get_referrers(*inner.values()) if inner else []
        spared = {id(inner), id(found)}
        owned = {id(part) for owner in owners if id(owner) not in spared for part in self._replace(owner)}
        for one in found:
            if id(one) not in owned and type(one) is not tuple:
                self._replace(one)

    def _replace(self, holder: Any) -> Iterable[Any]:
        """Replace what this holds, unless it stays on real time; return the parts of it that are done with that."""
        kind = type(holder)
        if isinstance(holder, type):
            return self._replace_in_class(holder)
        if kind is FunctionType:
            return self._replace_in_defaults(holder)
        if kind is functools.partial:
            return self._replace_in_partial(holder)
        if kind is CellType:
            holder.cell_contents = self._stand_in(holder.cell_contents)
        elif kind is staticmethod:
            holder.__init__(self._stand_in(holder.__func__))
        elif isinstance(holder, dict):
            self._replace_in_items(holder, dict.items(holder), dict.__setitem__)
        elif isinstance(holder, list):
            self._replace_in_items(holder, enumerate(list.__iter__(holder)), list.__setitem__)
        else:
            return self._replace_in_object(holder)
        return ()

    def _replace_in_items(self, holder: Any, items: Iterable[tuple[Any, Any]], put: Callable[..., object]) -> None:
        for key, value in list(items):
            if id(value) in self._by_id:
                put(holder, key, self._by_id[id(value)])

    def _stand_in(self, value: Any) -> Any:
        return self._by_id.get(id(value), value)

    def _holds(self, values: Iterable[Any]) -> bool:
        return any(id(value) in self._by_id for value in values)

    def _replace_in_class(self, kind: type) -> Iterable[Any]:
        names = gc.get_referents(vars(kind))
        if not is_real(kind.__module__):
            for name, value in list(vars(kind).items()):
                if id(value) in self._by_id:
                    setattr(kind, name, self._by_id[id(value)])
        return names

    def _replace_in_defaults(self, function: FunctionType) -> Iterable[Any]:
        defaults, named = function.__defaults__ or (), function.__kwdefaults__ or {}
        if not is_real(function.__module__):
            if self._holds(defaults):
                function.__defaults__ = tuple(map(self._stand_in, defaults))
            named.update({name: self._stand_in(value) for name, value in named.items()})
        return defaults, named

    def _replace_in_partial(self, partial: Any) -> Iterable[Any]:
        _, _, (func, args, named, names) = partial.__reduce__()
        if self._holds((func, *args, *named.values())):
            named = {name: self._stand_in(value) for name, value in named.items()}
            partial.__setstate__((self._stand_in(func), tuple(map(self._stand_in, args)), named, names))
        return args, named

    def _replace_in_object(self, holder: Any) -> Iterable[Any]:
        names = _attributes(holder)
        if not is_real(type(holder).__module__):
            self._replace_in_items(names, names.items(), dict.__setitem__)
            for slot in _slots(type(holder)):
                value = slot.__get__(holder) if _is_set(slot, holder) else None
                if id(value) in self._by_id:
                    slot.__set__(holder, self._by_id[id(value)])
        return (names,)


def _attributes(holder: Any) -> dict[str, Any]:
    """Return the attributes of an object, without asking its own code."""
    try:
        names = object.__getattribute__(holder, "__dict__")
    except AttributeError:
        return {}
    return names if type(names) is dict else {}


def _slots(kind: type) -> Iterable[MemberDescriptorType]:
    kinds = [one for one in kind.__mro__ if not is_native(one)]
    return [slot for one in kinds for slot in vars(one).values() if isinstance(slot, MemberDescriptorType)]


def _is_set(slot: MemberDescriptorType, holder: Any) -> bool:
    try:
        slot.__get__(holder)
    except AttributeError:
        return False
    return True
