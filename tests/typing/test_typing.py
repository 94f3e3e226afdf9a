"""What type checkers know of tasks and flows."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_type_checkers_keep_the_signature_that_a_decorator_wraps(tmp_path: Path) -> None:
    """mypy --strict finds nothing in these files, and needs each of their ignores."""
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--warn-unused-ignores",
        "--config-file=",
        "--no-error-summary",
    ]
    # Only what the files themselves say counts: the package is checked by the project's own run of mypy.
    command += ["--follow-imports=silent", f"--cache-dir={tmp_path}"]
    command += [str(HERE / name) for name in ("tasks_and_flows.py", "mistakes.py")]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=_environment())
    assert (found.stdout, found.returncode) == ("", 0), found.stdout + found.stderr


def _environment() -> dict[str, str]:
    return {**os.environ, "MYPYPATH": str(HERE.parents[1] / "src")}
