"""Keeps what each test said last, and prints the acceptance table from it.

A test carries a row by `@pytest.mark.feature("F18")`, or `"F18.core"` for the row's first part.
A row is proven when every test that carries it ran and passed the last time it was due: failed,
skipped, deselected, never run or no longer there leave it open. An entry is overwritten with
`not run` before its test starts, so a killed run proves nothing.

Results do not age: a change of the sources takes nothing back until the tests run again.

Where pytest-xdist spreads a run over workers, each of them collects all tests and the controller hears every
report. So the first worker takes back, before any test starts, and the controller alone writes what was said.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

ROWS = tuple(f"F{number:02}" for number in range(1, 71))
PARTS = (*ROWS, *(f"{row}.core" for row in ROWS))
RESULTS = Path(".dev/results.json")
FIRST_WORKER = "gw0"
FOLDERS = ("tests", "tests/e2e")
"""Where tests are, those included that only run when their folder is named."""


_MARK_IN_SOURCE = re.compile(r"""["'](F\d\d(?:\.core)?)["']""")
_WORST_FIRST = ("failed", "skipped", "xfailed", "xpassed", "not run", "passed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option by which the table learns who carries what."""
    parser.addoption(
        "--features-carried",
        metavar="PATH",
        help="with --collect-only: write which tests carry which rows of the acceptance table",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register one recorder for this run."""
    config.addinivalue_line("markers", "feature(row, ...): the test proves this row of the acceptance table")
    config.addinivalue_line("markers", "convention(row): the test proves this row of the list of conventions")
    config.pluginmanager.register(Recorder(config), "watchbill-features-recorder")


class Recorder:
    """Follows one run and keeps its results beside those of earlier runs."""

    def __init__(self, config: pytest.Config) -> None:
        option = config.option
        self._path = config.rootpath / RESULTS
        self._carried_path: str | None = option.features_carried
        is_run = not (option.collectonly or option.setuponly or option.setupplan)
        worker: str | None = getattr(config, "workerinput", {}).get("workerid")
        self._takes_back = is_run and worker in (None, FIRST_WORKER)
        self._writes = is_run and worker is None
        self._carried: dict[str, list[str]] = {}
        self._collected: set[str] = set()
        self._unread: set[str] = set()
        self._entries: dict[str, str] = {}
        self._called: set[str] = set()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember files that could not be read, whose tests are unknown."""
        if report.outcome != "passed" and report.nodeid:
            self._unread.add(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Note every test and the rows it carries, before any is deselected."""
        self._collected = {item.nodeid for item in items}
        self._carried = {item.nodeid: rows for item in items if (rows := carried_rows(item))}
        for nodeid in self._unread:
            if rows := rows_in_source(config.rootpath / nodeid.partition("::")[0]):
                self._carried[nodeid] = rows

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Forget tests that are gone, and take back what this run is about to prove anew."""
        if self._carried_path:
            write_json(Path(self._carried_path), self._carried)
        if not self._takes_back:
            return
        read_whole = {nodeid.partition("::")[0] for nodeid in self._collected}
        if any("::" in argument for argument in session.config.args):
            read_whole = set()
        root = session.config.rootpath
        kept = {
            nodeid: outcome
            for nodeid, outcome in read_json(self._path).items()
            if nodeid in self._collected
            or ((file := nodeid.partition("::")[0]) not in read_whole and (root / file).exists())
        }
        self._entries = {item.nodeid: "not run" for item in session.items}
        write_json(self._path, kept | self._entries)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst that any part of the test said; `passed` only once its body passed."""
        if report.when == "call":
            self._called.add(report.nodeid)
        outcome: str = report.outcome
        if hasattr(report, "wasxfail"):
            outcome = "xfailed" if report.skipped else "xpassed"
        before = self._entries.get(report.nodeid, "not run")
        if before == "not run" and (outcome != "passed" or report.nodeid in self._called):
            self._entries[report.nodeid] = outcome
        elif before != "not run":
            self._entries[report.nodeid] = min(before, outcome, key=_WORST_FIRST.index)

    def pytest_sessionfinish(self) -> None:
        """Write what this run said over what earlier runs said."""
        if self._writes and self._entries:
            write_json(self._path, read_json(self._path) | self._entries)


def carried_rows(item: pytest.Item) -> list[str]:
    """Return the rows that a test carries; a row that the table lacks stops the run."""
    rows = {row for mark in item.iter_markers("feature") for row in mark.args}
    if unknown := rows.difference(PARTS):
        raise pytest.UsageError(f"{item.nodeid} carries unknown rows: {sorted(map(str, unknown))}")
    return sorted(rows)


def rows_in_source(path: Path) -> list[str]:
    """Return the rows that a file names which pytest could not read."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return sorted(set(_MARK_IN_SOURCE.findall(text)).intersection(PARTS))


def table(carried: Mapping[str, Iterable[str]], results: Mapping[str, str]) -> list[str]:
    """Return one line per row: proven, by which tests, or open; a row's first part beside it."""
    carriers: defaultdict[str, list[str]] = defaultdict(list)
    for nodeid, rows in carried.items():
        for row in rows:
            carriers[row].append(nodeid)

    def verdict(part: str) -> str:
        nodeids = carriers[part]
        if not nodeids or any(results.get(nodeid) != "passed" for nodeid in nodeids):
            return f"{part} open"
        return " ".join([part, "proven", *sorted(set(map(id_without_parameters, nodeids)))])

    return [
        " ".join(verdict(part) for part in (row, f"{row}.core") if part == row or carriers[part])
        for row in ROWS
    ]


def id_without_parameters(nodeid: str) -> str:
    """Return the test's id without its parameters, whose ids may be whole sentences."""
    return nodeid.partition("[")[0]


def collect_carried() -> dict[str, list[str]]:
    """Return which tests carry which rows, as pytest collects them now."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "carried.json"
        # Else pytest drops a folder that lies within another one, though that one leaves it out.
        command = [sys.executable, "-m", "pytest", "--collect-only", "-qq", "--keep-duplicates"]
        command += [folder for folder in FOLDERS if Path(folder).is_dir()]
        environment = {k: v for k, v in os.environ.items() if k != "PYTEST_ADDOPTS"}
        done = subprocess.run(
            [*command, f"--features-carried={path}"],
            check=False,
            capture_output=True,
            text=True,
            env=environment,
        )
        if done.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            sys.exit(f"{done.stdout}{done.stderr}\nThe tests cannot be collected: see above.")
        return dict(json.loads(path.read_text(encoding="utf-8")))


def summary(results: Mapping[str, str]) -> tuple[str, bool]:
    """Return the closing line of all runs since the last clearing, and whether it is good."""
    count = Counter(results.values())
    passed = count.pop("passed", 0)
    skipped = count.pop("skipped", 0) + count.pop("xfailed", 0)
    failed = count.total()
    return f"{passed} passed, {failed} failed, {skipped} skipped", bool(passed) and not failed


def read_json(path: Path) -> dict[str, str]:
    """Return what the file holds; nothing when it is absent or broken."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Replace the file at once, so that a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    fresh.replace(path)


def main(command: str) -> None:
    """Print the acceptance table, or the closing line of the last runs."""
    results = read_json(RESULTS)
    if command == "summary":
        line, is_good = summary(results)
        print(line)
        sys.exit(not is_good)
    print("\n".join(table(collect_carried(), results)))


if __name__ == "__main__":
    main(*sys.argv[1:])
