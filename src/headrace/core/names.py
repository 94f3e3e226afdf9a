"""What runs, flows and tasks are called."""

from __future__ import annotations

import functools
import inspect
import string
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from headrace.core.messages import described
from headrace.core.wording import kind_of
from headrace.core.words import ADJECTIVES, ANIMALS
from headrace.exceptions import InvalidNameError

#: Characters with a meaning in paths, URLs and pages.
FORBIDDEN = "/%&><"

_WITHOUT_FORBIDDEN = str.maketrans(dict.fromkeys(FORBIDDEN, ""))


class TemplateKeyError(KeyError):
    """A KeyError that prints its message as it is, not quoted."""

    def __str__(self) -> str:
        return str(self.args[0])


def slug(draw: Callable[[], float]) -> str:
    """Return a friendly name such as ``mellow-otter``; `draw` returns numbers that are uniform in [0, 1)."""
    adjective = ADJECTIVES[int(draw() * len(ADJECTIVES))]
    return f"{adjective}-{ANIMALS[int(draw() * len(ANIMALS))]}"


def check_name(name: object, what: str) -> str:
    """Return the name if it may be that of a task (`what`). Raises TypeError, or InvalidNameError for an empty one."""
    if not isinstance(name, str):
        raise TypeError(f"The name of a {what} must be a string, not {name!r}, {kind_of(name)}.")
    if not name:
        raise InvalidNameError(f"The name of a {what} can't be empty. Leave it out to use the function's name.")
    return name


def check_flow_name(name: object) -> str:
    """Return the name if it may be that of a flow, which stands in addresses. Raises TypeError or InvalidNameError."""
    checked = check_name(name, "flow")
    wrong = [character for character in FORBIDDEN if character in checked]
    if wrong:
        instead = "".join("-" if character in wrong else character for character in checked)
        raise InvalidNameError(
            f"The name of a flow can't contain {' '.join(wrong)}, as {checked!r} does. Write for example {instead!r}."
        )
    return checked


def function_name(fn: object) -> str:
    """Return the name of a function (``<lambda>`` too), of what a partial calls, or of a callable object's class."""
    while isinstance(fn, functools.partial | functools.partialmethod):
        fn = fn.func
    name = getattr(fn, "__name__", None)
    if not isinstance(name, str) or not name:
        name = type(fn).__name__
    return name


def default_flow_name(fn: object) -> str:
    """Return the name of a flow that was given none: its function's, with dashes.

    That of a lambda can't stand in an address; a flow of one is called ``unknown-lambda``.
    """
    name = function_name(fn)
    return "unknown-lambda" if name == "<lambda>" else name.translate(_WITHOUT_FORBIDDEN).replace("_", "-")


def task_run_name(task_name: str, run_id: UUID) -> str:
    """Return the name of a task run that was given none: the task's, and three hex digits of the id."""
    return f"{task_name}-{run_id.int & 0xFFF:03x}"


def called_name(value: object, what: str) -> str:
    """Return what a name callable returned. Raises TypeError if it is no string."""
    if isinstance(value, str):
        return value
    raise TypeError(f"A callable {what} must return the name as a string; it returned {value!r}, {kind_of(value)}.")


def takes_parameters(fn: Callable[..., Any]) -> bool:
    """Say whether a name callable wants to be called with ``parameters=``."""
    try:
        return "parameters" in inspect.signature(fn).parameters
    except (TypeError, ValueError):  # some builtins have no signature
        return False


def render(template: str, parameters: Mapping[str, Any], what: str) -> str:
    """Return ``template.format(**parameters)``; `what` is what errors call the template.

    KeyError, IndexError, ValueError, AttributeError and TypeError are raised again as the same type, with a
    message that tells the template, the field at fault and the fields there are. Others, such as those of a
    user's ``__format__``, travel with a note that says the same.
    """
    try:
        return template.format(**parameters)
    except Exception as error:
        message = _explained(template, parameters, what, error)
        kind = _RAISED_AS.get(type(error))
        if kind is None:
            error.add_note(message)
            raise
        raise kind(message) from error


_RAISED_AS: Mapping[type[Exception], type[Exception]] = {
    KeyError: TemplateKeyError,
    **{kind: kind for kind in (IndexError, ValueError, AttributeError, TypeError)},
}


def _explained(template: str, parameters: Mapping[str, Any], what: str, error: Exception) -> str:
    field = _field_at_fault(template, parameters)
    at = {None: "its syntax", "": "a field that can't be told"}.get(field, f"the field {field}")
    fields = ", ".join(f"{{{name}}}" for name in parameters) or "none, as there are no parameters"
    return (
        f"The {what} {template!r} can't be filled in because of {at} ({described(error)}). "
        f"The fields there are: {fields}."
    )


def _field_at_fault(template: str, parameters: Mapping[str, Any]) -> str | None:
    """Return the first field that fails on its own, "" if none does, None if the template can't be read."""
    try:
        fields = [_as_written(*part[1:]) for part in string.Formatter().parse(template) if part[1] is not None]
    except ValueError:
        return None
    for field in fields:
        try:
            field.format(**parameters)
        except Exception:  # noqa: BLE001 - only which one fails is asked; the error itself is already in hand
            return field
    return ""


def _as_written(name: str | None, spec: str | None, conversion: str | None) -> str:
    return f"{{{name}{'!' + conversion if conversion else ''}{':' + spec if spec else ''}}}"


def check_tags(tags: object, what: str, instead: str) -> frozenset[str]:
    """Return tags as a set. Raises TypeError for one word, which would be taken for its letters, or for none."""
    listed = None if isinstance(tags, str) or not isinstance(tags, Iterable) else list(tags)
    if listed is None or not all(isinstance(tag, str) for tag in listed):
        raise TypeError(f"The tags of {what} are words, not {tags!r}. Write {instead}.")
    return frozenset(listed)
