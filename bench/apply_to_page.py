"""Bench 1: from declaring an incident to its page on the wire, one after the other and at 50 a second."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench import usage
from bench.arrivals import Arrival
from bench.results import OURS, Bar, Limits, Result, Rounds, Row, count
from bench.stage import Stage
from bench.stats import percentile
from bench.systems import System
from bench.teams import OTHERS

NAME = "apply_to_page"
SHARED = "apply_to_page_on_shared_cores"
PER_SECOND = 50
PAUSE = 0.03
"""Seconds after a page in which what it was about is recorded, before the next incident is declared."""

WARM_UP = 5
"""Incidents before the first that counts: connections are opened, and code is loaded."""

CPU_MS = 8.0
"""What a page may cost of a core, its record included."""

SERIAL, BURST = "one after the other", f"{PER_SECOND} a second"


async def run(stage: Stage) -> Result:
    """What the systems need, round by round, each alone on the machine in its turn."""
    where = f"--namespace={OTHERS}"
    systems: list[System] = [
        stage.peers.bare(where),
        stage.ours,
        stage.alertmanager(),
        stage.peers.naive(where),
    ]
    rounds, faults = Rounds(), _Faults()
    for number in range(stage.size.rounds):
        for system in systems:
            await _Round(stage, system, number, rounds, faults).play()
    return Result(NAME, "From apply to page", _HOW, tuple(_rows(rounds, faults)))


async def shared(stage: Stage) -> Result:
    """The same on a stage where the API server and etcd share the cores with what is measured."""
    found = await run(stage)
    return replace(found, name=SHARED, title="From apply to page, on shared cores", how=_HOW_SHARED)


class _Faults:
    """What must not be: pages of ours that came twice, or never."""

    def __init__(self) -> None:
        self.lost = self.doubled = 0


class _Round:
    """One system's turn."""

    def __init__(self, stage: Stage, system: System, number: int, rounds: Rounds, faults: _Faults) -> None:
        self._stage = stage
        self._system = system
        self._name = f"{system.name.replace(' ', '-').lower()}-{number}"
        self._rounds = rounds
        self._faults = faults

    async def play(self) -> None:
        """Start the system, measure it, and end it."""
        begin = self._stage.sink.count
        await self._system.start()
        try:
            await self._one_by_one("warm", WARM_UP)
            self._note(SERIAL, await self._one_by_one("one", self._stage.size.serial))
            before = usage.cpu_seconds(self._system.pid)
            took = await self._at_a_rate(int(self._stage.size.burst_seconds * PER_SECOND))
            self._note(BURST, took)
            used = usage.cpu_seconds(self._system.pid) - before
            self._rounds.add("CPU per page", self._system.name, used / len(took) * 1000)
        finally:
            await self._system.stop()
        if self._system.name == OURS:
            self._faults.doubled += self._stage.sink.doubled(begin)

    async def _one_by_one(self, word: str, many: int) -> list[float]:
        took = []
        for number in range(many):
            began, begin = time.monotonic(), self._stage.sink.count
            name = f"{self._name}-{word}-{number}"
            await self._system.declare(name)
            took += [page.time - began for page in await self._pages(begin, [name])]
            await asyncio.sleep(PAUSE)
        return took

    async def _at_a_rate(self, many: int) -> list[float]:
        """The latencies of what is declared at its time, however long earlier ones take."""
        begin, start = self._stage.sink.count, time.monotonic() + 0.1
        began: dict[str, float] = {}

        async def declare(number: int) -> None:
            await asyncio.sleep(start + number / PER_SECOND - time.monotonic())
            name = f"{self._name}-many-{number}"
            began[name] = time.monotonic()
            await self._system.declare(name)

        await asyncio.gather(*(declare(number) for number in range(many)))
        return [page.time - began[page.incident] for page in await self._pages(begin, list(began))]

    async def _pages(self, begin: int, names: Sequence[str]) -> list[Arrival]:
        pages = await self._stage.sink.pages_of(begin, names, within=30)
        if self._system.name == OURS:
            self._faults.lost += len(names) - len(pages)
        return list(pages.values())

    def _note(self, how: str, took: Sequence[float]) -> None:
        for percent in (50, 99):
            value = percentile(took, percent) * 1000
            self._rounds.add(f"{how}, p{percent}", self._system.name, value)


def _rows(rounds: Rounds, faults: _Faults) -> Iterator[Row]:
    half, most = Bar(1.3, "ratio"), Bar(2.0, "ratio")
    for how in (SERIAL, BURST):
        yield rounds.row(f"{how}, p50", "ms", Limits(half, half))
        yield rounds.row(f"{how}, p99", "ms", Limits(most, Bar(1.5, "ratio")))
    yield rounds.row("CPU per page", "ms", Limits(Bar(CPU_MS)))
    yield count("pages lost", faults.lost)
    yield count("pages that came twice", faults.doubled)


_HOW = (
    "The driver creates an Incident (an alert for Alertmanager) and the sink notes when its page arrives; "
    "both read one clock. Each system is alone in its turn, and the turns are interleaved. The bare loop "
    "and Alertmanager record nothing; Watchbill has the incident in etcd, and writes what it did there. "
    "The API server and etcd have the first core alone, and what is measured has the others."
)
_HOW_SHARED = (
    "The same, where all have all cores: what the API server still does for the page before takes time of "
    "this one, and the bare loop, which records nothing, leaves it nothing to do."
)
