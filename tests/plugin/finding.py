"""How the least example is looked for in tests of strategies."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings


def finding(max_examples: int) -> settings:
    """Return settings for `find`: the same each time, and without the phase that explains a failure, which is long."""
    return settings(
        max_examples=max_examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
