"""Where a test's scope is kept, for whoever has the test."""

from __future__ import annotations

import pytest

from .worlds import Scope

SCOPE = pytest.StashKey[Scope]()
