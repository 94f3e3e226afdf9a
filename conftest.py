"""Our own tests run pytest inside pytest to prove what the plugin promises, and what the front page says is tested."""

import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

pytest_plugins = ["pytester"]

# What Hypothesis knows of letters takes it a second to work out, in each process that finds it nowhere.
os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(Path(__file__).parent / ".hypothesis"))

# A shell's background job begins with Ctrl-C ignored, and so would all that our tests start, and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

if find_spec("sybil"):  # `make demo` tests the examples without it
    sys.path.append(str(Path(__file__).parent / "docs"))

    from blocks import pages

    pytest_collect_file = pages("README.md")
