"""What stands for the result of a task that is not run.

It may be passed on, kept in containers, compared with itself and printed. Whoever looks into it is told at once what
to write: silence would draw a flow that is not there. (A stand-in that is simply true takes one branch of every `if`.)
"""

from __future__ import annotations

from typing import Any, NoReturn

from headrace.exceptions import VisualizationUnsupportedError


class _NoAttribute(VisualizationUnsupportedError, AttributeError):
    """An attribute was asked for; `hasattr` is to answer no."""


class Unknown:
    """The result of a call of a task or flow, of which nothing is known but whose it is."""

    __slots__ = ("__weakref__", "_of")

    def __init__(self, of: str) -> None:
        object.__setattr__(self, "_of", of)

    def __getattr__(self, name: str) -> NoReturn:
        raise _NoAttribute(_message(self._of, f"takes its attribute {name!r}"))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise _NoAttribute(_message(self._of, f"sets its attribute {name!r}"))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        raise VisualizationUnsupportedError(_message(self._of, "compares it"))

    def __hash__(self) -> int:
        return id(self)

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __repr__(self) -> str:
        return f"<result of {self._of}>"


def _message(of: str, use: str) -> str:
    return (
        f"The flow looks into the result of {of!r} ({use}), but when a flow is visualised no task and no subflow is "
        "run. Say what stands in for the result of a task: @task(viz_return_value=...)."
    )


def _refusing(use: str) -> Any:
    def refuse(self: Unknown, *_: object) -> NoReturn:
        raise VisualizationUnsupportedError(_message(self._of, use))

    return refuse


_USES = {
    "asks whether it is true": "bool",
    "iterates over it": "iter next reversed",
    "asks for its length": "len",
    "asks what is in it": "contains",
    "takes or changes an item of it": "getitem setitem delitem",
    "compares it": "lt le gt ge ne",
    "makes a number of it": "int float complex index round trunc floor ceil",
    "calculates with it": "add sub mul truediv floordiv mod divmod pow lshift rshift and or xor matmul "
    "radd rsub rmul rtruediv rfloordiv rmod rdivmod rpow rlshift rrshift rand ror rxor rmatmul neg pos abs invert",
    "enters it as a context manager": "enter exit",
}
for _use, _names in _USES.items():
    for _name in _names.split():
        setattr(Unknown, f"__{_name}__", _refusing(_use))
