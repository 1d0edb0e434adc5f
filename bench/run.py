"""Plays the benches, each on a stage where what it needs is there."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from pathlib import Path

from bench import (
    apply_to_page,
    cold_restart,
    failover,
    idle,
    lateness,
    memory,
    resting,
    start_up,
    writes,
)
from bench.results import Result
from bench.sizes import Size
from bench.stage import Stage, staged
from dev.progress import Progress

Bench = Callable[[Stage], Awaitable[Result]]

FEW: Mapping[str, Bench] = {writes.NAME: writes.run, apply_to_page.NAME: apply_to_page.run}
"""Benches that make the few incidents that they need."""

SHARED: Mapping[str, Bench] = {apply_to_page.SHARED: apply_to_page.shared}
"""What is measured once more where the servers have no core of their own."""

RESTING = (start_up.NAME, memory.NAME, idle.NAME)
"""Benches with many incidents that somebody has acknowledged."""

OPEN: Mapping[str, Bench] = {
    lateness.NAME: lateness.run,
    cold_restart.NAME: cold_restart.run,
    failover.NAME: failover.run,
}
"""Benches with many incidents that page."""

NAMES = (
    apply_to_page.NAME,
    apply_to_page.SHARED,
    *(bench.NAME for bench in (lateness, writes, memory, cold_restart, idle, failover, start_up)),
)
"""All benches, in the order of the report."""


async def run(size: Size, names: Collection[str], home: Path, progress: Progress) -> AsyncIterator[Result]:
    """The results of these benches, each as soon as it is there."""
    few = [name for name in FEW if name in names]
    if few:
        async with staged(size, "open", home / "few", progress, apart=True) as stage:
            for name in few:
                yield await _played(stage, name, FEW[name])
    for name in (name for name in SHARED if name in names):
        async with staged(size, "open", home / "few", progress) as stage:
            yield await _played(stage, name, SHARED[name])
    if set(RESTING) & set(names):
        async with staged(size, "resting", home / "resting", progress) as stage:
            async for result in _resting(stage, names):
                yield result
    many = [name for name in OPEN if name in names]
    if many:
        async with staged(size, "open", home / "open", progress) as stage:
            await _populate(stage)
            for name in many:
                yield await _played(stage, name, OPEN[name])


async def _resting(stage: Stage, names: Collection[str]) -> AsyncIterator[Result]:
    if {start_up.NAME, memory.NAME} & set(names):
        starts = await resting.starts(stage)
        both = (start_up.result(starts, stage.size.incidents), memory.result(starts, stage.size.incidents))
        for result in both:
            if result.name in names:
                yield result
    else:
        await _populate(stage)
    if idle.NAME in names:
        yield await _played(stage, idle.NAME, idle.run)


async def _populate(stage: Stage) -> None:
    with stage.progress.part(f"making {stage.size.incidents:,} incidents"):
        await stage.population.seed(stage.ours, stage.sink)
        await stage.population.grow(stage.size.incidents)


async def _played(stage: Stage, name: str, bench: Bench) -> Result:
    with stage.progress.part(f"bench {name}"):
        return await bench(stage)
