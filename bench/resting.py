"""What starts cost while few and many incidents rest: benches 5 and 10 tell of the same starts."""

import asyncio
from dataclasses import dataclass

from bench import usage
from bench.results import BARE, NAIVE, OURS
from bench.stage import Stage

SETTLED = 2.0
"""Seconds in which memory that a start has freed goes back."""


@dataclass(frozen=True)
class Start:
    """One start of one system."""

    system: str
    incidents: int
    seconds: float
    resident: float
    peak: float
    cpu: float
    """Seconds of a core until all was taken in."""


async def starts(stage: Stage) -> list[Start]:
    """The starts of every system with no incident, with a tenth of them, and with all; interleaved."""
    size, found = stage.size, list[Start]()
    for many in (0, size.incidents // 10, size.incidents):
        with stage.progress.part(f"starting at {many} incidents that rest"):
            if many:
                await _grow(stage, many)
            for number in range(size.rounds if many == size.incidents else 1):
                found.append(await _ours(stage, many))
                found.append(await _peer(stage, BARE, many))
                if number == 0:
                    found.append(await _peer(stage, NAIVE, many))
    return found


async def _grow(stage: Stage, many: int) -> None:
    if not stage.population.members:
        await stage.population.seed(stage.ours, stage.sink)
    await stage.population.grow(many)


async def _ours(stage: Stage, many: int) -> Start:
    seconds = await stage.ours.start_to_ready()
    await stage.ours.settle()
    start = await _measured(OURS, many, seconds, stage.ours.pid)
    await stage.ours.stop()
    return start


async def _peer(stage: Stage, name: str, many: int) -> Start:
    # Daemons run for the seeds of the population too.
    everybody = many + stage.population.seeds if many else 0
    peer = stage.peers.bare() if name == BARE else stage.peers.naive(steady=everybody)
    seconds = await peer.start_to_ready()
    start = await _measured(name, many, seconds, peer.pid)
    await peer.stop()
    return start


async def _measured(system: str, many: int, seconds: float, pid: int) -> Start:
    await asyncio.sleep(SETTLED)
    resident, peak = usage.resident_mib(pid), usage.peak_mib(pid)
    return Start(system, many, seconds, resident, peak, usage.cpu_seconds(pid))
