"""Small types that users name."""

__all__ = ["entrypoint"]
