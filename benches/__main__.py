"""`python -m benches [NAME ...]`: run the benchmarks, all or some."""

from __future__ import annotations

import argparse
import json
import os
import sys
from importlib import import_module
from typing import Any

from benches.measure import CPU, Table, header, machine

NAMES = (
    "sequential",
    "submitted",
    "cached",
    "imports",
    "cold",
    "growth",
    "bytes",
    "harness",
    "simulation",
    "suite",
    "reporting",
    "pages",
    "paint",
    "alternative",
)


def main(arguments: list[str] | None = None) -> None:
    """Run what was asked for."""
    given = parsed(arguments)
    if given.cpu:
        os.environ[CPU] = "1"
    if not given.json:
        print(header())
    found: list[dict[str, Any]] = []
    for name in given.names or NAMES:
        options = {"python": given.prefect_python} if name == "alternative" else {}
        tables: list[Table] = import_module(f"benches.{name}").measure(quick=given.quick, **options)
        found += [table.as_json() for table in tables]
        if not given.json:
            print("", *tables, sep="\n", flush=True)
    if given.json:
        json.dump({"machine": machine(), "tables": found}, sys.stdout, indent=1)
        print()


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benches", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all of them by default")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller numbers, for a first look")
    parser.add_argument("--cpu", action="store_true", help="measure processor time, on a machine that others use too")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument(
        "--prefect-python", metavar="PATH", help="a Python that has Prefect 3 installed, for the table 'alternative'"
    )
    given = parser.parse_args(arguments)
    unknown = [name for name in given.names if name not in NAMES]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(NAMES)}")
    return given


if __name__ == "__main__":
    main()
