"""How a value is read: each reader takes what was written, text or a TOML value, and returns what it means.

It raises ValueError with a sentence that says why that can't be, and one that says what to write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")
Seconds = float | list[float]


def text(value: object) -> str:
    """Read text that is not empty."""
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise ValueError("it is not text. Write a word, such as json.")


def level(value: object) -> str:
    """Read one of the five levels of the logging module, in either case."""
    name = str(value).strip().upper()
    if name in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        return name
    raise ValueError("it is not a level of logging. Write DEBUG, INFO, WARNING, ERROR or CRITICAL.")


def url(value: object) -> str:
    """Read an http or https address; a slash at its end is dropped."""
    if isinstance(value, str) and value.strip().startswith(("http://", "https://")):
        return value.strip().rstrip("/")
    raise ValueError("it is not the address of an API. Write one such as http://127.0.0.1:4200/api.")


def flag(value: object) -> bool:
    """Read yes or no, in the words that pydantic takes."""
    word = str(value).strip().lower()
    if word in ("true", "1", "yes", "on", "t", "y"):
        return True
    if word in ("false", "0", "no", "off", "f", "n"):
        return False
    raise ValueError("it is neither true nor false. Write true or false.")


def path(value: object) -> Path:
    """Read a path; ``~`` becomes the user's directory. Where a relative one starts is the caller's affair."""
    from pathlib import Path  # 3 ms, and `import headrace` needs none

    if isinstance(value, Path) or (isinstance(value, str) and value.strip()):
        return Path(value).expanduser()
    raise ValueError("it is not a path. Write one such as ~/.headrace.")


def whole(least: int, most: int | None = None) -> Callable[[object], int]:
    """Make the reader of whole numbers from `least` to `most` (None: no bound)."""
    span = f"of at least {least}" if most is None else f"from {least} to {most}"

    def read(value: object) -> int:
        if isinstance(value, int | str) and not isinstance(value, bool):
            try:
                number = int(value)
            except ValueError:
                number = least - 1
            if least <= number and (most is None or number <= most):
                return number
        raise ValueError(f"it is not a whole number {span}. Write one, such as {max(least, 3)}.")

    return read


def seconds(value: object) -> Seconds:
    """Read a number of seconds, or a list of them: 10, 2.5, [1, 2, 4] or, as text, "1, 2, 4"."""
    if isinstance(value, str):
        inner = value.strip().removeprefix("[").removesuffix("]")
        items: list[object] = [*inner.split(",")]
        is_list = len(items) > 1 or inner != value.strip()
        return [_second(item) for item in items] if is_list else _second(inner)
    if isinstance(value, list | tuple):
        return [_second(item) for item in value]
    return _second(value)


def _second(value: object) -> float:
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else -1.0
    except ValueError:
        number = -1.0
    if 0 <= number < float("inf"):
        return int(number) if number.is_integer() else number
    raise ValueError("it is not a number of seconds, nor a list of them. Write one such as 10, or [1, 2, 4].")


def or_none(read: Callable[[object], T]) -> Callable[[object], T | None]:
    """Let a reader also take None, written "none" or "null" where only text can be written."""

    def read_or_none(value: object) -> T | None:
        return None if value is None or str(value).strip().lower() in ("none", "null") else read(value)

    return read_or_none
