"""Plays one plan from beginning to end, and keeps what there is to judge it by."""

import json
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from tests.faults.catalog import CATALOG
from tests.faults.crossings import Crossing
from tests.faults.history import History, history_of
from tests.faults.plans import Plan
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.faults.stage import NeverCame, Stage
from tests.faults.virtual_time import played


@dataclass
class Run:
    """A plan that was played."""

    plan: Plan
    stage: Stage = field(repr=False)
    scenario: Scenario
    """What was played."""
    logs: list[str] = field(default_factory=list)
    missing: str = ""
    """What somebody waited for in vain."""
    settled: bool = False
    failure: str = ""
    """What the harness itself, or a part of the product, raised."""

    @property
    def history(self) -> History:
        """What etcd has of it."""
        return history_of(self.stage)

    @property
    def crossings(self) -> list[Crossing]:
        """All that crossed a process's boundary."""
        return self.stage.network.counted.all

    @property
    def happened(self) -> int:
        """How many faults of the plan have happened."""
        return len(self.stage.network.happened)


def play(plan: Plan, scenario: Scenario | None = None) -> Run:
    """The run of a plan, the same each time; of another scenario than the plan's where one is given."""
    logs: list[str] = []
    structlog.configure(processors=[partial(_kept, logs)], cache_logger_on_first_use=False)
    try:
        run = played(lambda: _play(plan, scenario or SCENARIOS[plan.scenario]))
    finally:
        structlog.reset_defaults()
    run.logs = logs
    return run


async def _play(plan: Plan, scenario: Scenario) -> Run:
    return await rehearsed(plan, scenario, scenario.stage())


async def rehearsed(plan: Plan, scenario: Scenario, stage: Stage) -> Run:
    """The run of a plan on a stage."""
    run = Run(plan, stage, scenario)
    await stage.open(plan.replicas)
    _place(plan, stage)
    try:
        await scenario.play(stage)
    except NeverCame as what:
        run.missing = str(what)
    run.settled = await stage.settle()
    for operator in stage.operators:
        for problem in operator.problems():
            run.failure = run.failure or problem
    await stage.close()
    return run


def _place(plan: Plan, stage: Stage) -> None:
    """Have the plan's faults wait at their crossings."""
    stage.network.upcoming = {each.at: each.fault for each in plan.placed}
    stage.network.make = lambda crossing, name: _made(stage, crossing, name)
    for placed in plan.placed:
        if disturb := CATALOG[placed.fault].disturb:
            stage.disturbed[placed.at] = (placed.fault, partial(disturb, stage))


def _made(stage: Stage, crossing: Crossing, name: str) -> Any:
    make = CATALOG[name].make
    return None if make is None else make(stage, crossing)


def _kept(logs: list[str], logger: Any, method: str, event: Any) -> Any:
    logs.append(f"{method} {json.dumps(event, default=str)}")
    raise structlog.DropEvent
