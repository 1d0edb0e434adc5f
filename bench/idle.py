"""Bench 7: what it costs to have nothing to do."""

import asyncio

from bench import usage
from bench.api import asked, writes
from bench.results import NAIVE, OURS, Bar, Limits, Result, Rounds, count
from bench.stage import Stage
from bench.systems import System

NAME = "idle"


async def run(stage: Stage) -> Result:
    """What each system asks for and uses while all incidents rest."""
    everybody = len(stage.population.members) + stage.population.seeds
    systems: list[System] = [stage.ours, stage.peers.bare(), stage.peers.naive(steady=everybody)]
    rounds, written = Rounds(), 0.0
    for system in systems:
        changed = await _watch(stage, system, rounds)
        written += 0.0 if system.name == NAIVE else changed
    rows = (
        rounds.row("CPU", "% of a core", Limits(Bar(0.5), Bar(0.1))),
        rounds.row("requests", "1/s", Limits(Bar(1.0), Bar(0.2), slack=1.5)),
        count("writes to incidents", written),
    )
    return Result(NAME, "Idle", _HOW.format(stage.size.incidents, stage.size.idle_seconds), rows)


async def _watch(stage: Stage, system: System, rounds: Rounds) -> float:
    """Leave the system alone for a while; how many incidents were written meanwhile."""
    await system.start()
    await asyncio.sleep(SETTLING)
    before, used = await stage.api.counters(), usage.cpu_seconds(system.pid)
    # Ours compares itself with the API server every two minutes: that must be part of it.
    seconds = stage.size.idle_seconds if system.name == OURS else min(stage.size.idle_seconds, PEERS_LEFT)
    await asyncio.sleep(seconds)
    after = await stage.api.counters()
    share = (usage.cpu_seconds(system.pid) - used) / seconds * 100
    await system.stop()
    rounds.add("CPU", system.name, share)
    rounds.add("requests", system.name, (asked(after) - asked(before)) / seconds)
    return sum(
        writes(after, "incidents", "PATCH", part) - writes(before, "incidents", "PATCH", part)
        for part in ("", "status")
    )


SETTLING = 8.0
"""Seconds until what follows on a start is over, such as the comparison with the API server."""

PEERS_LEFT = 30.0
"""Seconds that are enough for peers, which do the same all the time."""

_HOW = "{:,} incidents rest, and nothing happens for {:g} s. A watch that is begun anew counts as a request."
