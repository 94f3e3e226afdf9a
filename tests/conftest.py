"""How Hypothesis runs our own tests."""

from hypothesis import settings

# A deadline is a timed assertion: on a machine that does something else as well it tells nothing about the code.
settings.register_profile("headrace", deadline=None)
settings.load_profile("headrace")
