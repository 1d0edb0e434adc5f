"""`python -m bench [--full] [names…]`: measures, writes the report, and fails where a count is wrong."""

import argparse
import asyncio
import compileall
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import report
from bench.machine import machine
from bench.results import Result, Row
from bench.run import NAMES, SHARED, run
from bench.sizes import FULL, SMALL, Size
from dev.alertmanager.build import ensure_alertmanager
from dev.errors import DevError
from dev.layout import REPOSITORY, state_directory
from dev.progress import Progress


def main(arguments: list[str]) -> int:
    """The exit code: 0 where no row fails, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="10,000 incidents, and write docs/benchmarks.md")
    parser.add_argument("--report", type=Path, help="where the report is written")
    parser.add_argument("names", nargs="*", metavar="name", help=f"some of: {', '.join(NAMES)}")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"there is no bench {', '.join(sorted(unknown))}")
    size = FULL if options.full else SMALL
    home = state_directory(os.environ) / "bench"
    home.mkdir(parents=True, exist_ok=True)
    target = options.report or (REPOSITORY / "docs" if options.full else home)
    # As an installed package has it: where nothing may write bytecode, each start would compile all sources.
    compileall.compile_dir(REPOSITORY / "operator", quiet=2)
    try:
        ensure_alertmanager(os.environ, Progress())
        results = asyncio.run(_measured(size, options.names or _usual(size), home, target))
    except DevError as error:
        print(error, file=sys.stderr)
        return 1
    print((target / "benchmarks.md").read_text())
    failed = [(result, row) for result in results for row in result.failures]
    for result, row in failed:
        print(f"FAILED {_told(result, row)}", file=sys.stderr)
    return 1 if failed else 0


def _usual(size: Size) -> Sequence[str]:
    """The benches of a run that names none."""
    return [name for name in NAMES if size.repeats_shared or name not in SHARED]


async def _measured(size: Size, names: Sequence[str], home: Path, target: Path) -> list[Result]:
    """The results in the order of the report, which is written anew with each of them."""
    before, results = machine(home), list[Result]()
    async for result in run(size, names, home, Progress()):
        results = sorted([*results, result], key=lambda each: NAMES.index(each.name))
        report.write(target, size, results, (before, machine(home)))
    return results


def _told(result: Result, row: Row) -> str:
    found = row.ratio if row.bar and row.bar.of == "ratio" else next(iter(row.values.values()))
    limit = row.bar.limit if row.bar else 0
    return (
        f"{result.title}: {row.what} is {found.median if found else 0:g}, at most {limit:g} × {row.slack:g}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
