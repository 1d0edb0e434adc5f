"""Bench 3: how late pages leave that are due at a moment."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bench.population import Member, due_at
from bench.results import OURS, Bar, Limits, Result, Rounds, count
from bench.stage import Stage
from bench.stats import percentile
from bench.systems import System

NAME = "lateness"
LOADED_PER_SECOND = 100
"""At least so many statuses are written in a second before the first is due."""

EARLY_MS = -1.0
"""A status holds whole milliseconds."""


async def run(stage: Stage) -> Result:
    """How late the pages of each system are, round by round."""
    size, rounds = stage.size, Rounds()
    early = lost = doubled = 0
    many = int(size.due_per_second * size.due_seconds)
    for number in range(size.rounds):
        members = _slice(stage.population.members, number * many, many)
        for system in (stage.peers.bare("--deadlines"), stage.ours):
            begin = stage.sink.count
            late = await _round(stage, system, members)
            for percent in (50, 99, 100):
                rounds.add(f"p{percent}", system.name, percentile(late, percent))
            if system.name == OURS:
                early += sum(each < EARLY_MS for each in late)
                doubled += stage.sink.doubled(begin)
                lost += many - len(late)
            else:
                await stage.population.write(members)
    rows = (
        rounds.row("p50", "ms"),
        rounds.row("p99", "ms", Limits(Bar(100.0), Bar(100.0))),
        rounds.row("p100", "ms", Limits(None, Bar(500.0))),
        count("pages that came early", early),
        count("pages lost", lost),
        count("pages that came twice", doubled),
    )
    how = _HOW.format(size.incidents, size.due_per_second, size.due_seconds)
    return Result(NAME, "Lateness of an escalation", how, rows)


async def _round(stage: Stage, system: System, members: Sequence[Member]) -> list[float]:
    """By how many ms each page came after it was due."""
    size = stage.size
    await system.start()
    begin, clocks = stage.sink.count, time.time() - time.monotonic()
    first = datetime.now(UTC) + timedelta(seconds=3 + len(members) / LOADED_PER_SECOND)
    step = timedelta(seconds=1 / size.due_per_second)
    due = [due_at(member, first + index * step) for index, member in enumerate(members)]
    await stage.population.write(due)
    names = [member.name for member in members]
    pages = await stage.sink.pages_of(begin, names, within=60 + size.due_seconds + len(members) / 50)
    await system.stop()
    moments = {member.name: first + index * step for index, member in enumerate(members)}
    return [(page.time + clocks - moments[name].timestamp()) * 1000 for name, page in pages.items()]


def _slice(members: Sequence[Member], begin: int, many: int) -> list[Member]:
    return [members[(begin + index) % len(members)] for index in range(many)]


_HOW = (
    "{:,} incidents are open, and {} of them are due in each second for {:g} s a round. Watchbill reads each "
    "incident once more before it pages, and records the page; the bare loop has the deadlines in "
    "memory, and posts."
)
