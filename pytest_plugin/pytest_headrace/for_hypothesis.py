"""What Hypothesis calls when it is imported (entry-point group ``hypothesis``): let it know the types of headrace.

Nothing is imported here: neither headrace, which the session may never use, nor the strategies, which import it. The
types are registered when the module that defines them has been imported, by whomever.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .noticing import Notice

#: By module, its types, and which of our strategies stands for each.
_TYPES = {
    "headrace.core.states": {"State": "states"},
    "pytest_headrace.strategies.names": {"RunName": "run_names"},
    "pytest_headrace.strategies.policies": {"Policy": "retry_policies"},
    "pytest_headrace.strategies.scripts": {"Script": "outcomes"},
}


def register() -> None:
    """Register the types that are there, and the others as soon as they are. Calling it twice does no harm."""
    for module, types in _TYPES.items():
        register_types = _registering(module, types)
        Notice(module, register_types).install()
        if module in sys.modules:
            register_types()


def _registering(module: str, types: dict[str, str]) -> Callable[[], None]:
    def register_types() -> None:
        from hypothesis.strategies import register_type_strategy

        for name, strategy in types.items():
            register_type_strategy(getattr(sys.modules[module], name), _resolving(strategy))

    return register_types


def _resolving(strategy: str) -> Callable[[Any], Any]:
    def resolve(_: Any) -> Any:
        from . import strategies

        return getattr(strategies, strategy)()

    return resolve
