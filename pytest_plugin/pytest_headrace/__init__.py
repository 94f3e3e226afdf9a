"""The pytest plugin of headrace; see `pytest_headrace.plugin` for its fixtures and options.

The assertions are those of `headrace.testing`, imported when first used: loading a plugin must not import
what it helps to test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.testing import (
        assert_completed,
        assert_failed,
        assert_lawful,
        assert_never_overlapped,
        assert_ran_before,
        assert_retries,
        assert_run_name,
        assert_same_history,
        assert_states,
    )

__all__ = [
    "assert_completed",
    "assert_failed",
    "assert_lawful",
    "assert_never_overlapped",
    "assert_ran_before",
    "assert_retries",
    "assert_run_name",
    "assert_same_history",
    "assert_states",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import headrace.testing  # see the module's docstring

    return getattr(headrace.testing, name)
