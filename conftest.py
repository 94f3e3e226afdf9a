"""Our own tests run pytest inside pytest to prove what the plugin promises, and what the front page says is tested."""

import signal
import sys
from importlib.util import find_spec
from pathlib import Path

pytest_plugins = ["pytester"]

# A shell's background job begins with Ctrl-C ignored, and so would all that our tests start, and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

if find_spec("sybil"):  # `make demo` tests the examples without it
    sys.path.append(str(Path(__file__).parent / "docs"))

    from blocks import pages

    pytest_collect_file = pages("README.md")
