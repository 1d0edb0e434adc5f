"""Bench 6: kill -9 while all is overdue, and how long it takes until everybody is paged."""

import time
from datetime import UTC, datetime, timedelta

from bench.arrivals import Arrival
from bench.population import due_at
from bench.results import OURS, Bar, Limits, Result, Rounds, count
from bench.stage import Stage
from bench.teams import SEVERITIES

NAME = "cold_restart"
OVERDUE = timedelta(minutes=1)
WITHIN = 900.0


async def run(stage: Stage) -> Result:
    """How long after the start of the process the first, the critical and all pages are there."""
    rounds, lost, doubled = Rounds(), 0, 0
    for number in range(stage.size.restarts):
        with stage.progress.part(f"all is overdue, round {number + 1}"):
            await stage.ours.start()
            stage.ours.process.kill()
            past = datetime.now(UTC) - OVERDUE
            await stage.population.write(due_at(member, past) for member in stage.population.members)
            await _peer(stage, rounds)
            begin = stage.sink.count
            lost += await _ours(stage, rounds)
            doubled += stage.sink.doubled(begin)
    rows = (
        rounds.row("until the first page", "s"),
        rounds.row("until every critical page", "s", Limits(Bar(3.0), Bar(1.5))),
        rounds.row("until every page", "s", Limits(Bar(25.0), Bar(8.0))),
        count("pages lost", lost),
        count("pages that came twice", doubled),
    )
    return Result(NAME, "Cold restart", _HOW.format(stage.size.incidents), rows)


async def _ours(stage: Stage, rounds: Rounds) -> int:
    """Start ours again; how many pages never came."""
    began = time.monotonic()
    stage.ours.process.start(wait=False)
    lost = await _note(stage, rounds, OURS, began)
    await stage.ours.settle()
    await stage.ours.stop()
    return lost


async def _peer(stage: Stage, rounds: Rounds) -> None:
    bare, began = stage.peers.bare("--deadlines"), time.monotonic()
    pages = stage.sink.count
    await bare.start()
    await _note(stage, rounds, bare.name, began, pages)
    await bare.stop()


async def _note(stage: Stage, rounds: Rounds, system: str, began: float, begin: int | None = None) -> int:
    """Note when the pages came; how many never did."""
    members = stage.population.members
    first = stage.sink.count if begin is None else begin
    pages = await stage.sink.pages_of(first, [member.name for member in members], WITHIN)
    worst = {member.name for member in members if member.severity == SEVERITIES[0]}
    critical = [page for name, page in pages.items() if name in worst]
    rounds.add("until the first page", system, min(_moments(pages)) - began)
    rounds.add("until every critical page", system, max(page.time for page in critical) - began)
    rounds.add("until every page", system, max(_moments(pages)) - began)
    return len(members) - len(pages)


def _moments(pages: dict[str, Arrival]) -> list[float]:
    return [page.time for page in pages.values()]


_HOW = (
    "The operator is killed while {:,} incidents are open; when it is started again the next level of each "
    "is a minute overdue. One in twenty is of the worst severity. Times begin with the start of the process."
)
