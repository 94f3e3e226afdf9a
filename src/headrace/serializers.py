"""How results become bytes, and bytes results.

A serializer is known by its `type`: "pickle" (cloudpickle), "json", "compressed/pickle", "compressed/json". One of your
own is a subclass with a `type` of its own, `dumps` and `loads`; from then on its name is known, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar

from headrace.core.wording import kind_of

__all__ = [
    "CompressedJSONSerializer",
    "CompressedPickleSerializer",
    "CompressedSerializer",
    "JSONSerializer",
    "PickleSerializer",
    "Serializer",
    "resolve_serializer",
]

_KNOWN: dict[str, type[Serializer]] = {}


class Serializer:
    """Turn values into bytes and back. `Serializer(type="json")` is another way to write `JSONSerializer()`.

    Keyword arguments set the attributes that the class names. Raises TypeError for others, ValueError for a `type` that
    no serializer has.
    """

    type: str = ""

    #: The attributes that are written down beside what was serialized.
    options: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "type" in vars(cls) and isinstance(cls.type, str):
            _KNOWN[cls.type] = cls
        declared = tuple(name for name in vars(cls).get("__annotations__", {}) if name not in ("type", "options"))
        cls.options = (*cls.options, *(name for name in declared if name not in cls.options))

    def __new__(cls, *args: Any, **kwargs: Any) -> Serializer:
        """Make one of the class that has this `type`."""
        wanted = kwargs.get("type")
        return super().__new__(_named(wanted) if cls is Serializer and wanted is not None else cls)

    def __init__(self, **options: Any) -> None:
        given = options.pop("type", self.type)
        if given != self.type:
            raise ValueError(f"The type of a {type(self).__name__} is {self.type!r}, not {given!r}.")
        for name, value in options.items():
            if name not in self.options:
                raise TypeError(f"A {type(self).__name__} has no option {name!r}; it has {list(self.options)}.")
            setattr(self, name, value)

    def dumps(self, obj: Any) -> bytes:
        """Return a value as bytes."""
        raise NotImplementedError

    def loads(self, blob: bytes) -> Any:
        """Return the value that `dumps` made bytes of."""
        raise NotImplementedError

    def described(self) -> dict[str, Any]:
        """Return type and options in JSON's own types, so that `Serializer(**described)` is the same."""
        said = {name: getattr(self, name) for name in self.options if name in vars(self)}
        inner = {name: value.described() if isinstance(value, Serializer) else value for name, value in said.items()}
        return {"type": self.type, **inner}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Serializer) and self.described() == other.described()

    def __hash__(self) -> int:
        return hash(self.type)

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.options if name in vars(self))
        return f"{type(self).__name__}({options})"


def _named(name: object) -> type[Serializer]:
    found = _KNOWN.get(name) if isinstance(name, str) else None
    if found is None:
        raise ValueError(
            f"There is no serializer of type {name!r}; there are {', '.join(sorted(_KNOWN))}. One of your own is known "
            "once the module that defines it has been imported."
        )
    return found


def resolve_serializer(given: Any) -> Serializer:
    """Return the serializer that an argument names. Raises TypeError, or ValueError for a type that none has."""
    if isinstance(given, Serializer):
        return given
    if isinstance(given, str):
        return Serializer(type=given)
    if isinstance(given, Mapping):
        return Serializer(**given)
    raise TypeError(f"A result serializer is a Serializer or the type of one, such as 'json', not {given!r}.")


def _refuse_unless_there(options: Mapping[str, Any], name: str) -> None:
    """Raise ValueError where the option `name` names a module that is not there; what is not given is."""
    module = options.get(name)
    if module is not None and not _is_there(module):
        raise ValueError(f"{name}={module!r}: there is no module {module!r}. Install it, or leave {name} out.")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:  # nor is the package around it
        return False


class PickleSerializer(Serializer):
    """Pickle values, by cloudpickle or another module (`picklelib`) with `dumps` and `loads`."""

    type: str = "pickle"
    picklelib: str = "cloudpickle"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        _refuse_unless_there(options, "picklelib")

    def dumps(self, obj: Any) -> bytes:
        """Return a value as bytes."""
        pickled: bytes = import_module(self.picklelib).dumps(obj)
        return pickled

    def loads(self, blob: bytes) -> Any:
        """Return the value that `dumps` made bytes of."""
        return import_module(self.picklelib).loads(blob)


class JSONSerializer(Serializer):
    """Write values as JSON. What JSON can't say is written with the name of its class, and read back by pydantic.

    `object_encoder` and `object_decoder` are the dotted names of functions as `json` takes them (None: none). Tuples
    come back as lists, and keys of dicts as strings.
    """

    type: str = "json"
    jsonlib: str = "json"
    object_encoder: str | None = "headrace.serializers.encode_object"
    object_decoder: str | None = "headrace.serializers.decode_object"
    dumps_kwargs: Mapping[str, Any] = {}
    loads_kwargs: Mapping[str, Any] = {}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        _refuse_unless_there(options, "jsonlib")

    def dumps(self, obj: Any) -> bytes:
        """Return a value as bytes."""
        kwargs = dict(self.dumps_kwargs)
        if self.object_encoder:
            kwargs["default"] = _imported(self.object_encoder)
        text = import_module(self.jsonlib).dumps(obj, **kwargs)
        return text if isinstance(text, bytes) else text.encode()

    def loads(self, blob: bytes) -> Any:
        """Return the value that `dumps` made bytes of."""
        kwargs = dict(self.loads_kwargs)
        if self.object_decoder:
            kwargs["object_hook"] = _imported(self.object_decoder)
        return import_module(self.jsonlib).loads(blob.decode(), **kwargs)


class CompressedSerializer(Serializer):
    """Compress what another serializer writes, by a module (`compressionlib`) with `compress` and `decompress`."""

    type: str = "compressed"
    serializer: Any = "pickle"
    compressionlib: str = "lzma"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        _refuse_unless_there(options, "compressionlib")
        self.serializer = resolve_serializer(self.serializer)

    def dumps(self, obj: Any) -> bytes:
        """Return a value as bytes."""
        compressed: bytes = import_module(self.compressionlib).compress(self.serializer.dumps(obj))
        return compressed

    def loads(self, blob: bytes) -> Any:
        """Return the value that `dumps` made bytes of."""
        return self.serializer.loads(import_module(self.compressionlib).decompress(blob))


class CompressedPickleSerializer(CompressedSerializer):
    """Pickle, and compress."""

    type: str = "compressed/pickle"
    serializer: Any = "pickle"


class CompressedJSONSerializer(CompressedSerializer):
    """Write as JSON, and compress."""

    type: str = "compressed/json"
    serializer: Any = "json"


def encode_object(value: Any) -> dict[str, Any]:
    """Say in JSON what JSON has no words for: the class, and its data as pydantic says it. Raises TypeError."""
    kind = type(value)
    name = f"{kind.__module__}:{kind.__qualname__}"
    if isinstance(value, BaseException):
        return {"__exception__": name, "message": str(value)}
    from pydantic_core import to_jsonable_python  # only for what is out of the ordinary

    try:
        return {"__class__": name, "data": to_jsonable_python(value)}
    except Exception as error:
        raise TypeError(f"JSON can't say {kind_of(value)}: {error}") from error


def decode_object(read: dict[str, Any]) -> Any:
    """Return the object that `encode_object` wrote; any other dict as it is."""
    if set(read) == {"__exception__", "message"}:
        return _imported(read["__exception__"])(read["message"])
    if set(read) != {"__class__", "data"}:
        return read
    from pydantic import TypeAdapter  # as above

    return TypeAdapter(_imported(read["__class__"])).validate_python(read["data"])


def _imported(name: str) -> Any:
    module, _, attribute = name.partition(":") if ":" in name else name.rpartition(".")
    found: Any = import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    return found
