"""How inner sessions of pytest are configured."""

from __future__ import annotations

from importlib.metadata import entry_points

NEEDED = {"asyncio", "headrace"}
OTHERS = sorted({plugin.name for plugin in entry_points(group="pytest11")} - NEEDED)

#: Warnings are errors. Other plugins take long to load, in each session, and some leave a thread in this process: the
#: one that a test is about is asked for by `-p NAME`.
INI = f"""
[pytest]
filterwarnings = error
addopts = {" ".join(f"-p no:{name}" for name in OTHERS)}
asyncio_default_fixture_loop_scope = function
"""
