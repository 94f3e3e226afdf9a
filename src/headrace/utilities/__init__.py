"""Small things for users."""

__all__ = ["annotations", "asyncutils", "callables", "collections", "hashing", "names"]
