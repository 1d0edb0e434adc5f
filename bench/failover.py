"""Bench 9: the leader is killed, and how long it takes until another one pages."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from bench.population import due_at
from bench.results import OURS, Bar, Limits, Result, Rounds, count
from bench.stage import Stage

NAME = "failover"
EVERY = timedelta(milliseconds=250)
BEFORE, AFTER = 4.0, 20.0
"""Seconds for which pages are due before the kill, and after it."""

IN_FLIGHT = 0.1
"""Seconds after the kill in which pages may still arrive that the leader had sent."""


async def run(stage: Stage) -> Result:
    """How long nobody pages, round by round."""
    rounds, lost, doubled = Rounds(), 0, 0
    for number in range(stage.size.failovers):
        with stage.progress.part(f"killing the leader, round {number + 1}"):
            begin = stage.sink.count
            gap, missing = await _round(stage, number)
        rounds.add("until a page of the other one", OURS, gap)
        lost, doubled = lost + missing, doubled + stage.sink.doubled(begin)
    rows = (
        rounds.row("until a page of the other one", "s", Limits(Bar(12.0), Bar(5.0))),
        count("pages lost", lost),
        count("pages that came twice", doubled, limit=1.0 * stage.size.failovers),
    )
    return Result(NAME, "Failover", _HOW, rows)


async def _round(stage: Stage, number: int) -> tuple[float, int]:
    """The seconds from the kill to the first page after it, and how many pages never came."""
    many = int((BEFORE + AFTER) / EVERY.total_seconds())
    first = number * many % (len(stage.population.members) - many)
    members = stage.population.members[first : first + many]
    await stage.ours.start()
    stage.standby.process.start(wait=False)
    await _follows(stage)
    begin = stage.sink.count
    start = datetime.now(UTC) + timedelta(seconds=5)
    await stage.population.write(due_at(each, start + at * EVERY) for at, each in enumerate(members))
    await asyncio.sleep((start - datetime.now(UTC)).total_seconds() + BEFORE)
    stage.ours.process.kill()
    killed = time.monotonic()
    names = [member.name for member in members]
    pages = await stage.sink.pages_of(begin, names, within=AFTER + 40)
    await stage.standby.stop()
    after = [page.time for page in pages.values() if page.time > killed + IN_FLIGHT]
    return min(after) - killed, len(names) - len(pages)


async def _follows(stage: Stage) -> None:
    """Return once the standby knows what there is."""
    await asyncio.to_thread(stage.standby.process.wait_for_line, "health is served", 60)
    await asyncio.sleep(FOLLOWING)


FOLLOWING = 10.0
"""Seconds in which a standby takes in all incidents."""

_HOW = (
    "Two operators run, and a page is due in each quarter of a second. The one that leads is killed with "
    "SIGKILL. The lease runs for 10 s. A page that the dead one had sent and not recorded comes once more, "
    "under the same key."
)
