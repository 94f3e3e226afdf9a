"""The pages of the server: each a context (a dataclass), a template, and the same context as JSON beside it."""
