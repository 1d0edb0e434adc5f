"""The leader of two replicas is killed at a random moment, and comes back as the standby."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace

from tests.faults.plans import Plan
from tests.faults.play import Run, play
from tests.faults.scenarios import SCENARIOS
from tests.faults.stage import Stage
from tests.faults.virtual_time import world_around

SCENES = ("two-levels", "unkeyed", "last-resort", "two-incidents", "fallback")
WITHIN = 34.0
"""Seconds within which the kill falls: those in which levels open."""


def killed(seed: int) -> Run:
    """The run in which the leader is killed once, at a moment that the seed tells."""
    chance = random.Random(seed)
    name, moment = SCENES[seed % len(SCENES)], chance.uniform(0, WITHIN)
    scenario = SCENARIOS[name]
    return play(Plan(name, 2), replace(scenario, play=_with_a_kill(scenario.play, moment), replicas=2))


def _with_a_kill(
    story: Callable[[Stage], Awaitable[None]], moment: float
) -> Callable[[Stage], Awaitable[None]]:
    async def play_both(stage: Stage) -> None:
        def kill_the_leader() -> None:
            stage.leader.kill()

        asyncio.get_running_loop().call_later(moment, kill_the_leader, context=world_around())
        await story(stage)

    return play_both
