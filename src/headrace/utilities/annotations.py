"""Say that an argument is special: `unmapped`, `allow_failure`, `quote`, `opaque`."""

from headrace.core.annotations import Annotation, allow_failure, opaque, quote, unmapped
from headrace.definitions import NotSet

#: The same, under the name that it has elsewhere.
BaseAnnotation = Annotation

__all__ = ["Annotation", "BaseAnnotation", "NotSet", "allow_failure", "opaque", "quote", "unmapped"]
