"""Plays plans with real processes on one control plane, several side by side, and keeps what came of each."""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from dev.cluster import Cluster
from dev.progress import Progress
from tests.faults import campaign
from tests.faults.campaign import Campaign, Outcome, Say, outcome_from
from tests.faults.hunt import Catch
from tests.faults.plans import Plan, plan_of
from tests.faults.play import Run
from tests.faults.real import choice
from tests.faults.real.play import play
from tests.faults.real.world import World, world
from tests.faults.runs import Reference

SIDE_BY_SIDE = int(os.environ.get("FAULTS_SIDE_BY_SIDE", "12"))
"""Plans that are played at once: they mostly wait."""

APART = 0.25
"""Seconds between the beginnings of the first ones."""

FAREWELL = 0.25
"""Seconds in which TLS connections close after their sessions have (aiohttp, "Graceful Shutdown")."""

TRIES = 3
"""How often a mutant is hunted."""

References = dict[tuple[str, int], Reference]

MUTANTS = {
    "the wake-up of the next level is forgotten": "real/two-levels@1:",
    "a page is recorded as accepted whatever came": "real/fallback@1:",
    "rule 9: the claim of another process is one's own": "real/unkeyed@1:backup-trigger~1.crash-after",
    "rule 14: what is gone is left out": "real/two-levels@1:",
    "rule 19: a key is random": "real/two-levels@1:incidents-status~1.crash-before",
    "rule 19: a key holds the name in place of the UID": "real/delete-and-recreate@1:",
    "a level opens before its time": "real/two-levels@1:",
    "every look is a write": "real/one-page@1:",
    "a secret is logged": "real/one-page@1:",
}
"""Faults of the operator that are seeded into its process, and a plan that brings each out."""


def run(plans: Sequence[Plan], mutants: Iterable[str], say: Say) -> tuple[Campaign, list[Catch]]:
    """What came of the plans, and of the hunt for mutants."""
    hunted = {name: plan_of(MUTANTS[name]) for name in mutants}
    references = {
        each: campaign.reference(*each)
        for each in {(p.scenario, p.replicas) for p in [*plans, *hunted.values()]}
    }
    with tempfile.TemporaryDirectory(prefix="watchbill-faults-") as place:
        return asyncio.run(_run(Path(place), plans, hunted, references, say))


async def _run(
    directory: Path, plans: Sequence[Plan], hunted: dict[str, Plan], references: References, say: Say
) -> tuple[Campaign, list[Catch]]:
    found = Campaign()
    for variant in choice.variants():
        if variant in references:
            found.learned["{}@{}".format(*variant)] = references[variant].crossings
    async with _world(directory) as around:
        began = time.monotonic()
        turns = Turns(around, references)
        hunt = [asyncio.create_task(turns.hunt(name, plan)) for name, plan in hunted.items()]
        lengthiest_first = choice.lengthiest_first(plans)
        for task in asyncio.as_completed([turns.take(plan) for plan in lengthiest_first]):
            outcome = await task
            found.outcomes.append(outcome)
            if not outcome.plan.placed:
                learn(found, outcome)
            for finding in outcome.findings:
                say(f"{outcome.plan}  {finding}")
            if len(found.outcomes) % 100 == 0:
                say(f"{len(found.outcomes)} plans, {len(found.findings)} with findings")
        catches = await asyncio.gather(*hunt)
        found.seconds = time.monotonic() - began
    return found, catches


def learn(found: Campaign, undisturbed: Outcome) -> None:
    """Count only crossings that a run with real processes has too: its shorter delays leave some out."""
    variant = f"{undisturbed.plan.scenario}@{undisturbed.plan.replicas}"
    met = {crossing.place for crossing in undisturbed.crossings}
    found.learned[variant] = tuple(each for each in found.learned[variant] if each.place in met)


class Turns:
    """Lets so many plans be played at once."""

    def __init__(self, around: World, references: References) -> None:
        self._around, self._references = around, references
        self._free = asyncio.Semaphore(SIDE_BY_SIDE)
        self._begun = 0

    async def hunt(self, mutant: str, plan: Plan) -> Catch:
        """What came of the hunt for a mutant; a busy machine may hide it once, and not again and again."""
        for tried in range(1, TRIES + 1):
            outcome = await self.take(plan, mutant)
            if outcome.findings:
                return Catch(mutant, outcome.findings[0].partition(":")[0], str(plan), tried)
        return Catch(mutant, "", str(plan), TRIES)

    async def take(self, plan: Plan, mutant: str = "") -> Outcome:
        """What came of a plan, with a mutant in it where one is named."""
        async with self._free:
            self._begun += 1
            namespace = f"plan-{self._begun}"
            if self._begun <= SIDE_BY_SIDE:
                await asyncio.sleep(self._begun * APART)
            run = await play(plan, self._around, namespace, mutant)
            return outcome_from(run, self._references[plan.scenario, plan.replicas])


def again(plan: Plan) -> Run:
    """The run of one plan."""

    async def alone(directory: Path) -> Run:
        async with _world(directory) as around:
            return await play(plan, around, "plan-1")

    with tempfile.TemporaryDirectory(prefix="watchbill-faults-") as place:
        return asyncio.run(alone(Path(place)))


@asynccontextmanager
async def _world(directory: Path) -> AsyncIterator[World]:
    """A control plane of two processes, and what reaches it."""
    local = {**os.environ, "CLUSTER": ""}
    with Cluster(directory / "cluster", environment=local, progress=Progress()) as cluster:
        async with world(cluster, directory) as around:
            yield around
        await asyncio.sleep(FAREWELL)
