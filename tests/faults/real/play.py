"""Plays plans with real processes, several side by side, each in a namespace of its own."""

from tests.faults.plans import Plan
from tests.faults.play import Run, rehearsed
from tests.faults.real.stage import RealStage
from tests.faults.real.world import World
from tests.faults.scenarios import SCENARIOS


async def play(plan: Plan, world: World, namespace: str, mutant: str = "") -> Run:
    """The run of a plan; with a fault of the operator itself where a mutant is named."""
    stage = RealStage(world=world, namespace=namespace, mutant=mutant)
    run = await rehearsed(plan, SCENARIOS[plan.scenario], stage)
    run.logs = stage.logs()
    run.failure = run.failure or "; ".join(stage.refused)
    return run
