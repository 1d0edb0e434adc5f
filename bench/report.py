"""The report of a run: a page for people, a file for machines, and a plot for each bench."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench.machine import FSYNC_LIMIT_MS, Machine
from bench.plot import plot, shown
from bench.results import ALERTMANAGER, BARE, NAIVE, OURS, Bar, Result, Row, as_json
from bench.sizes import Size
from bench.stats import Spread

PEERS = (BARE, NAIVE, ALERTMANAGER)

_HEAD = """# Benchmarks

Written by `make {target}`; do not edit. Every system runs on the same machine, in the same run, alone in its
turn, and turns are interleaved; pages go to one sink process whose clock is the driver's; etcd waits for
the disk. A cell is the median of the rounds, with the least and the greatest in brackets. *Ratio* is ours by
the bare loop's, round by round. The **bare loop** watches and posts, in the same language, and records
nothing: it is the limit, not a choice. **naive kopf** is one daemon for each incident, as its documentation
suggests.
"""


def write(home: Path, size: Size, results: Sequence[Result], machines: tuple[Machine, Machine]) -> None:
    """Write the page and its plots below this directory: `benchmarks.md` and `benchmarks/`."""
    plots = home / "benchmarks"
    plots.mkdir(parents=True, exist_ok=True)
    for result in results:
        (plots / f"{result.name}.svg").write_text(plot(result))
    facts = {"size": asdict(size), "before": asdict(machines[0]), "after": asdict(machines[1])}
    found = facts | {"results": as_json(results)}
    (plots / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (home / "benchmarks.md").write_text(page(size, results, machines))


def page(size: Size, results: Sequence[Result], machines: tuple[Machine, Machine]) -> str:
    """The page in Markdown."""
    target = "bench-full" if size.name == "full" else "bench"
    parts = [_HEAD.format(target=target), _about(size, *machines)]
    return "\n".join([*parts, *map(section, results)])


def section(result: Result) -> str:
    """One bench: how it was measured, its numbers, its plot."""
    systems = [OURS, *(peer for peer in PEERS if any(peer in row.values for row in result.rows))]
    has_ratio = any(row.ratio for row in result.rows)
    titles = ["", *systems, *(["ratio"] if has_ratio else []), "required", "moonshot"]
    lines = [f"## {result.title}", "", result.how, "", _line(titles), _line(["---"] * len(titles))]
    lines += [_line(_cells(row, systems, has_ratio)) for row in result.rows]
    lines += ["", f"![{result.title}](benchmarks/{result.name}.svg)", ""]
    return "\n".join([*lines, *(f"{note}\n" for note in result.notes)])


def _cells(row: Row, systems: Sequence[str], has_ratio: bool) -> list[str]:
    unit = f" ({row.unit})" if row.unit else ""
    values = [_spread(row.values.get(system)) for system in systems]
    ratio = [_spread(row.ratio)] if has_ratio else []
    return [row.what + unit, *values, *ratio, _bar(row, row.bar), _bar(row, row.moonshot)]


def _spread(found: Spread | None) -> str:
    if found is None:
        return ""
    if found.least == found.most:
        return shown(found.median)
    return f"{shown(found.median)} ({shown(found.least)}–{shown(found.most)})"


def _bar(row: Row, bar: Bar | None) -> str:
    if bar is None:
        return ""
    limit = f"≤ {shown(bar.limit)}{'×' if bar.of == 'ratio' else ''}"
    return f"{limit} {'✓' if bar.reached_by(row) else '✗'}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _about(size: Size, before: Machine, after: Machine) -> str:
    worst = max(before.fsync_p99_ms, after.fsync_p99_ms)
    valid = "" if worst <= FSYNC_LIMIT_MS else " **The disk was too slow for this run to be valid.**"
    return (
        f"{before.when}, {before.cpu}, {before.cores} cores, {before.memory_gib:g} GiB, "
        f"Linux {before.kernel}, Python {before.python}. Size: {size.name}, {size.incidents:,} incidents, "
        f"{size.rounds} rounds. "
        f"Load average {before.load:g} before and {after.load:g} after; p99 of writing 2 KiB to the disk "
        f"{before.fsync_p99_ms:g} ms before and {after.fsync_p99_ms:g} ms after.{valid}\n"
    )
