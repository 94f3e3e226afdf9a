"""Where a test's scope and simulation are kept, for whoever has the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .worlds import Scope

if TYPE_CHECKING:
    from headrace.testing import Simulation

SCOPE = pytest.StashKey[Scope]()
#: While there is one.
SIMULATION: pytest.StashKey[Simulation] = pytest.StashKey()
