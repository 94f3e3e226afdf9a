"""Replacing methods of types that are written in C.

Python lets nobody set an attribute of `datetime` or of a lock, so what stands in for a method has to go into the type's
own namespace, of which `vars(…)` shows a view. Only then are all found who hold the type, or an object of it, wherever
they hold it: in a module, a default, a class, a subclass. Replacing the types themselves (freezegun's way) reaches only
names of modules, and what is made of a stand-in is not of the real type.

The interpreter remembers what it looked up in a type, and is told to forget it.
"""

from __future__ import annotations

import gc
from typing import Any


def is_native(owner: object) -> bool:
    """Say whether this is a type that Python lets nobody change."""
    return isinstance(owner, type) and bool(owner.__flags__ & _IMMUTABLE)


def replace(kind: type, name: str, value: Any) -> None:
    """Put something in the place of a method."""
    import ctypes  # takes milliseconds, and only simulations need it

    (names,) = gc.get_referents(vars(kind))  # a view of a namespace refers to it, and to nothing else
    names[name] = value
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


#: Py_TPFLAGS_IMMUTABLETYPE
_IMMUTABLE = 1 << 8
