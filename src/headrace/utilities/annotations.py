"""Say that an argument is special: `unmapped`, `allow_failure`, `quote`, `opaque`."""

from headrace.core.annotations import Annotation, allow_failure, opaque, quote, unmapped

__all__ = ["Annotation", "allow_failure", "opaque", "quote", "unmapped"]
