"""How Hypothesis runs our own tests."""

import gc
import os

from hypothesis import HealthCheck, settings

# Whatever is timed tells nothing about the code on a machine that does something else as well. Where a change is to
# land the examples are the same each time; elsewhere they are new ones, and what they find is mended.
settings.register_profile(
    "headrace",
    parent=settings.get_profile("ci" if "CI" in os.environ else "default"),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("headrace")

# Thousands of tests and their modules stay: to go through them for what is in circles took a tenth of the suite's time.
gc.set_threshold(20_000, 20, 20)
