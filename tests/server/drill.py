"""Kill servers, scripts and PostgreSQL for as long as you like, then compare row by row. No part of the suite.

``python -m tests.server.drill [--seconds 60] [--scripts 4] [--postgres] [--seed 1]``. Scripts report to a server all
the time; every now and then one of them, the server, or PostgreSQL is killed and started again. In the end what every
script has seen must be on the server, whole and once. The exit status is 1 where it is not.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from headrace.store.addresses import open_address
from tests.store import postgres_server

from .killing import Place, differences, kill

#: What a commit promises holds when processes are killed, though not when the machine is.
_HOLDS_WHEN_KILLED = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=60")


class Drill:
    """Scripts at work, each in a home of its own, and what may be killed."""

    def __init__(self, place: Place, database: postgres_server.Server | None, scripts: int) -> None:
        self._place, self._database = place, database
        self._numbers = count()
        self._at_work: dict[int, subprocess.Popen[bytes]] = {}
        self.names: list[str] = []
        self.killed = {"a script": 0, "the server": 0, "PostgreSQL": 0}
        place.start_server()
        for home in range(scripts):
            self._start(home)

    def _start(self, home: int, steps: int = 1_000_000) -> None:
        name = f"script-{next(self._numbers)}"
        self.names.append(name)
        self._at_work[home] = self._place.script(name, steps, home=f"home-{home}")

    def kill_something(self, chance: random.Random) -> None:
        """Kill something, and start it again a moment later."""
        what = chance.choice(["a script", "the server", *(["PostgreSQL"] if self._database else [])])
        self.killed[what] += 1
        if what == "a script":
            home = chance.choice(list(self._at_work))
            kill(self._at_work[home])
            self._start(home)
        elif what == "the server":
            self._place.kill_server()
            time.sleep(chance.random())
            self._place.start_server()
        elif self._database is not None:
            self._database.kill()
            time.sleep(chance.random())
            self._database.start()

    def end(self) -> None:
        """Kill all scripts, and let others deliver what they have left."""
        for script in self._at_work.values():
            kill(script)
        for home in list(self._at_work):
            self._start(home, steps=1)
            assert self._at_work[home].wait() == 0
        self._place.kill_server()


@contextlib.contextmanager
def _database(wanted: bool) -> Iterator[postgres_server.Server | None]:
    if not wanted:
        yield None
        return
    with postgres_server.running(_HOLDS_WHEN_KILLED) as server:
        yield server


def main() -> int:
    """Drill."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--scripts", type=int, default=4)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as folder, _database(given.postgres) as database:
        address = database.schema() if database is not None else f"sqlite:///{folder}/served.db"
        place = Place(Path(folder), address)
        drill = Drill(place, database, given.scripts)
        deadline = time.monotonic() + given.seconds
        while time.monotonic() < deadline:
            time.sleep(chance.uniform(0.2, 3))
            drill.kill_something(chance)
        drill.end()
        ledgers = {name: place.seen(name) for name in drill.names if (Path(folder) / name).exists()}
        store = open_address(address)
        found = differences(store, {name: seen for name, seen in ledgers.items() if seen})
        seen = sum(map(len, ledgers.values()))
        print(f"Killed: {drill.killed}; {seen} steps seen, {store.count('task')} on the server")
        store.close()
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
