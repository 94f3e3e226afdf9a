"""Hashes that are the same tomorrow, and in another process."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headrace.core.messages import described
from headrace.exceptions import HashError

__all__ = ["file_hash", "hash_objects", "stable_hash"]

#: Not for secrets: a name for data, under the algorithm that most systems have.
_md5 = functools.partial(hashlib.md5, usedforsecurity=False)

Algorithm = Callable[..., Any]


def stable_hash(*args: str | bytes, hash_algo: Algorithm = _md5) -> str:
    """Return the hex digest of some texts, one after the other."""
    digest = hash_algo()
    for arg in args:
        digest.update(arg.encode() if isinstance(arg, str) else arg)
    return str(digest.hexdigest())


def file_hash(path: str | Path, hash_algo: Algorithm = _md5) -> str:
    """Return the hex digest of a file's contents. Raises FileNotFoundError."""
    return stable_hash(Path(path).read_bytes(), hash_algo=hash_algo)


def hash_objects(*args: Any, hash_algo: Algorithm = _md5, raise_on_failure: bool = False, **kwargs: Any) -> str | None:
    """Return the hex digest of any objects: of their JSON, or where there is none, of their pickle.

    Returns None for what can't be pickled; with `raise_on_failure` that raises HashError.
    """
    try:
        return stable_hash(json.dumps((args, kwargs), sort_keys=True), hash_algo=hash_algo)
    except Exception as no_json:  # noqa: BLE001 - users' objects raise what they like
        json_error = described(no_json)
    import cloudpickle  # type: ignore[import-untyped]

    try:
        return stable_hash(cloudpickle.dumps((args, kwargs)), hash_algo=hash_algo)
    except Exception as error:
        if not raise_on_failure:
            return None
        raise HashError(
            f"Unable to create hash: the objects are neither JSON (JSON error: {json_error}) nor can they be pickled "
            f"(Pickle error: {described(error)}). Leave out what can't, such as locks, files and connections."
        ) from error
