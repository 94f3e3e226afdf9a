"""Our own tests run pytest inside pytest to prove what the plugin promises, and what the front page says is tested."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent / "docs"))

from blocks import pages

pytest_plugins = ["pytester"]
pytest_collect_file = pages("README.md")
