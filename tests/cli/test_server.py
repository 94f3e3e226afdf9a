"""`headrace server`, and where it listens."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from headrace.cli import main
from headrace.clock import SystemClock
from headrace.exceptions import ConfigurationError
from headrace.server import serving
from headrace.settings import temporary_settings
from headrace.store import file_locks

CLOCK = SystemClock()


def headrace(home: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a home directory of its own."""
    environment = {**os.environ, "HEADRACE_HOME": str(home), **variables}
    command = [sys.executable, "-m", "headrace", *words]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A home directory; a server that was started from it is ended."""
    yield tmp_path
    headrace(tmp_path, "server", "stop")


def test_a_server_is_started_found_and_stopped(place: Path) -> None:
    """It serves the store that scripts write; a second one is refused."""
    Path(place, "flows.py").write_text("from headrace import flow\n@flow\ndef greet(): return 1\n")
    assert headrace(place, "run", str(place / "flows.py")).returncode == 0
    started = headrace(place, "server", "start", "--port", "0", "--background")
    assert started.returncode == 0, started.stderr
    url = re.findall(r"http://127.0.0.1:\d+", started.stdout)[0]
    assert f"Dashboard: {url}/" in started.stdout
    with urlopen(url) as response:
        assert b"<h1>Dashboard</h1>" in response.read()
    with urlopen(f"{url}/api/ready") as response:
        assert json.load(response) == {"status": "ok", "store": str(place / "headrace.db")}
    status = json.loads(headrace(place, "server", "status", "--json").stdout)
    assert (status["running"], status["url"]) == (True, url)
    again = headrace(place, "server", "start")
    assert f"A server runs already, at {url}. `headrace server stop` ends it." in again.stderr
    stopped = headrace(place, "server", "stop")
    assert f"Ended the server at {url}." in stopped.stdout
    assert not (place / "server.json").exists()
    ended = headrace(place, "server", "status")
    assert (ended.returncode, "No server runs." in ended.stdout) == (1, True)


def test_it_serves_another_store_where_one_is_named(place: Path) -> None:
    """By its address; and without pages, where none are wanted."""
    other = f"sqlite:///{place}/other.db"
    started = headrace(place, "server", "start", "--port", "0", "--background", "--store", other, "--no-ui")
    assert (started.returncode, "Dashboard" in started.stdout) == (0, False)
    assert json.loads(headrace(place, "server", "status", "--json").stdout)["store"] == f"{place}/other.db"


def test_what_keeps_it_from_starting_is_told(place: Path) -> None:
    """Also where it was to run in the background."""
    refused = headrace(place, "server", "start", "--background", "--store", "mysql://x/y")
    assert refused.returncode == 1
    assert "The server did not start:" in refused.stderr
    assert "is no address of a run store" in refused.stderr


def test_others_may_not_reach_it_without_saying_who_they_are(place: Path) -> None:
    """Refused before anything listens."""
    refused = headrace(place, "server", "start", "--host", "0.0.0.0")
    assert refused.returncode == 1
    assert "Set HEADRACE_SERVER_API_AUTH_STRING to a user:password or a token" in refused.stderr
    serving.check_reach("0.0.0.0", "me:secret")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("runs.example", False),
    ],
)
def test_loopback_is_told_from_the_rest(host: str, expected: bool) -> None:
    """A name that is not localhost may be anybody's."""
    assert serving.is_loopback(host) is expected


def test_a_port_that_is_taken_is_told() -> None:
    """With what may be there, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"Port {port} on 127.0.0.1 is taken.*another with --port"):
            serving.listening("127.0.0.1", port)


def test_an_address_that_is_not_of_this_machine_is_told() -> None:
    """In the words of the system."""
    with pytest.raises(ConfigurationError, match=r"The server can't listen on 192.0.2.1:0: "):
        serving.listening("192.0.2.1", 0)


def test_a_note_of_a_server_that_is_gone_is_passed_over(tmp_path: Path) -> None:
    """Whatever it says."""
    with temporary_settings({"home": tmp_path}):
        for text in ("", "[]", '{"pid": 1}', json.dumps({"pid": 2**30, "url": "x", "store": "y"})):
            (tmp_path / "server.json").write_text(text)
            assert serving.running() is None
        (tmp_path / "server.json").write_text(json.dumps({"pid": os.getpid(), "url": "x", "store": "y"}))
        assert serving.running() is None  # another process has its number now


def test_where_files_cannot_be_locked_the_number_of_the_process_has_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As on some network file systems."""

    def refuse(*_: Any) -> None:
        raise OSError("No locks available")

    monkeypatch.setattr(file_locks, "flock", refuse)
    server = serving.Running(os.getpid(), "x", "y")
    with temporary_settings({"home": tmp_path}), serving.noted(server, CLOCK):
        assert serving.running() == server
        (tmp_path / "server.json").write_text(json.dumps(server._replace(pid=2**30)._asdict()))
        assert serving.running() is None


def test_who_only_asks_needs_nothing_of_what_a_server_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As on a machine whose scripts report elsewhere."""
    monkeypatch.setitem(sys.modules, "fastapi", None)
    with temporary_settings({"home": tmp_path}):
        for command in ("status", "stop"):
            with pytest.raises(SystemExit, match="1"):
                main(["server", command])
    said = capsys.readouterr()
    assert "No server runs" in said.out
    assert "No server was started from this home directory" in said.err


def test_a_server_is_found_as_long_as_it_runs(tmp_path: Path) -> None:
    """And a second one is refused, also where both begin at the same moment."""
    server = serving.Running(os.getpid(), "http://127.0.0.1:1", "y")
    with temporary_settings({"home": tmp_path}):
        with serving.noted(server, CLOCK):
            assert serving.running() == server
            with pytest.raises(ConfigurationError, match=r"A server runs already, at http://127\.0\.0\.1:1"):
                serving.check_alone()
            with pytest.raises(ConfigurationError, match="runs already"), serving.noted(server._replace(pid=1), CLOCK):
                pass
            assert serving.running() == server
        assert serving.running() is None
