"""What scripts ask of states and runs, as of pydantic models: copies with changes, dumps to dicts and JSON, and back.

The problem: in Prefect they are pydantic models, and scripts that move over say ``state.model_copy(update=...)`` or
``run.model_dump(mode="json")``. Importing pydantic takes a tenth of a second, and making such a model takes many times
as long as what the engine does with one. The choice: a base class with the methods that such scripts use, over a list
of names. The price: what they know of pydantic beyond these methods (validators, schemas, field objects) is not here.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Self

from headrace.core import codec

#: About how many characters of JSON a dump has at most: values of users may be of any size.
_DUMP_SIZE = 10_000_000


class Model:
    """Something with named fields; whoever has one says which, and how to make a changed copy."""

    __slots__ = ()

    #: The names of the fields, in order.
    FIELDS: ClassVar[tuple[str, ...]]
    #: What fields have that nobody gave a value, by name; those without are always dumped.
    DEFAULTS: ClassVar[Mapping[str, Any]] = {}

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """Return a copy with these fields changed. Raises TypeError for a name that is no field."""
        raise NotImplementedError

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy, with the fields in `update` changed; `deep` copies what the others hold as well.

        Raises TypeError for a name that is no field.
        """
        changes = dict(update or {})
        return self.changed(changes) if not deep else copy.deepcopy(self).changed(changes)

    def copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Do as `model_copy`, under its older name."""
        return self.model_copy(update=update, deep=deep)

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: Collection[str] | None = None,
        exclude: Collection[str] | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
    ) -> dict[str, Any]:
        """Return the fields as a dict, models inside as dicts too; with ``mode="json"`` in JSON's own types.

        `include` and `exclude` name fields. `exclude_unset` leaves out, as `exclude_defaults` does, what has its
        default: nobody remembers which of those were given.
        """
        defaults = self.DEFAULTS if exclude_unset or exclude_defaults else {}
        dumped = {}
        for name in self.FIELDS:
            if (include is not None and name not in include) or (exclude is not None and name in exclude):
                continue
            value = getattr(self, name)
            if (exclude_none and value is None) or (name in defaults and value == defaults[name]):
                continue
            if isinstance(value, Model):
                value = value.model_dump(
                    exclude_unset=exclude_unset, exclude_defaults=exclude_defaults, exclude_none=exclude_none
                )
            dumped[name] = value
        return json.loads(codec.to_json(dumped, _DUMP_SIZE)) if mode == "json" else dumped

    def model_dump_json(self, *, indent: int | None = None, **selection: Any) -> str:
        """Return the fields as JSON; `selection` is as for `model_dump`. What JSON can't say becomes its repr."""
        return json.dumps(self.model_dump(mode="json", **selection), indent=indent)

    @classmethod
    def model_validate(cls, value: Any) -> Self:
        """Return `value` if it is one of these, else make one of a mapping. Raises TypeError or ValueError."""
        return value if isinstance(value, cls) else cls(**value)

    @classmethod
    def model_validate_json(cls, text: str | bytes) -> Self:
        """Make one of JSON. Raises TypeError or ValueError."""
        return cls.model_validate(json.loads(text))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Let models of pydantic have fields of this class; asked by pydantic, which is loaded by then."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            cls._validated,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda model, info: model.model_dump(mode=info.mode), info_arg=True
            ),
        )

    @classmethod
    def _validated(cls, value: Any) -> Self:
        try:
            return cls.model_validate(value)
        except TypeError as error:  # pydantic takes but a ValueError for a verdict
            raise ValueError(f"not a {cls.__name__}: {error}") from error
