"""Plays as many plans as the time allows, on every core, and keeps what came of each."""

import gc
import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context

from tests.faults.catalog import CATALOG
from tests.faults.crossings import Crossing
from tests.faults.oracles import judged
from tests.faults.plans import Plan, in_order, in_recovery, is_crash, singles
from tests.faults.play import Run, play
from tests.faults.runs import Reference, reference_of
from tests.faults.scenarios import SCENARIOS, WITH_A_STANDBY

BATCH = 8
"""How many plans a worker takes at once."""

COVERING = ("crash-before", "crash-after")
"""What is placed at every crossing before anything else is."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one plan."""

    plan: Plan
    findings: tuple[str, ...]
    happened: int
    """How many of its faults happened."""
    lateness: float
    """Seconds by which the latest page that was demanded came late."""
    crossings: tuple[Crossing, ...] = ()
    """For a plan with one crash: all that it met."""


@dataclass
class Campaign:
    """Plans that were played, and what was found."""

    outcomes: list[Outcome] = field(default_factory=list)
    learned: dict[str, tuple[Crossing, ...]] = field(default_factory=dict)
    """By scenario and replicas, what a run without a fault crosses."""
    seconds: float = 0.0

    @property
    def findings(self) -> list[Outcome]:
        """The plans in which something was found."""
        return [outcome for outcome in self.outcomes if outcome.findings]


@cache
def reference(scenario: str, replicas: int) -> Reference:
    """What a scenario is when nothing goes wrong."""
    return reference_of(play(Plan(scenario, replicas)))


def variants() -> list[tuple[str, int]]:
    """Every scenario with the replicas that it is played with."""
    alone = [(name, scenario.replicas) for name, scenario in SCENARIOS.items()]
    return alone + [(name, 2) for name in WITH_A_STANDBY]


def outcome_of(plan: Plan) -> Outcome:
    """What comes of a plan."""
    return outcome_from(play(plan), reference(plan.scenario, plan.replicas))


def outcome_from(run: Run, wanted: Reference) -> Outcome:
    """What came of a plan that was played."""
    plan = run.plan
    findings = tuple(map(str, judged(run, wanted)))
    late = max((came - due for what, due, came in run.stage.waits if what.startswith("a page")), default=0.0)
    is_first = len(plan.placed) < 2 and is_crash(plan)
    return Outcome(plan, findings, run.happened, late, tuple(run.crossings) if is_first else ())


def run(seconds: float, least: int, seed: int, say: Say) -> Campaign:
    """The campaign of so many seconds, which go on until `least` plans were played.

    A crash comes first, before and after each crossing, and then one in the recovery from each; the rest
    of the time is for all others in turn.
    """
    began, campaign = time.monotonic(), Campaign()
    with workers() as pool:
        plans: list[Plan] = []
        for outcome in _played(pool, [Plan(*variant) for variant in variants()], lambda: False):
            name, replicas = outcome.plan.scenario, outcome.plan.replicas
            campaign.outcomes.append(outcome)
            campaign.learned[f"{name}@{replicas}"] = outcome.crossings
            plans += singles(name, replicas, outcome.crossings)
        plans = in_order(sorted(plans, key=str), seed)

        def is_over() -> bool:
            return time.monotonic() - began > seconds and len(campaign.outcomes) >= least

        leaving = {_first_place(plan) for plan in plans if plan.placed[0].fault == "crash-after"}
        covering = [
            plan for plan in plans if plan.placed[0].fault in COVERING and _first_place(plan) in leaving
        ]
        _told(campaign, _played(pool, covering, is_over), say)
        again = [plan for first in campaign.outcomes if first.plan.placed for plan in _again(first)]
        missing, again = firsts(in_order(sorted(again, key=str), seed))
        _told(campaign, _played(pool, missing, is_over), say)
        done = set(covering)
        others = [plan for plan in plans if plan not in done]
        rest = [plan for pair in itertools.zip_longest(others, again) for plan in pair if plan is not None]
        _told(campaign, _played(pool, rest, is_over), say)
    campaign.seconds = time.monotonic() - began
    return campaign


def _again(first: Outcome) -> Iterator[Plan]:
    """The plans that crash once more where this one recovers."""
    if CATALOG[first.plan.placed[0].fault].at != ("event",):
        yield from in_recovery(first.plan, first.crossings)


def firsts(plans: Iterable[Plan]) -> tuple[list[Plan], list[Plan]]:
    """One plan for each crossing of the first fault, so that none is left out; and the others."""
    found: dict[tuple[str, int, str], Plan] = {}
    others = [plan for plan in plans if found.setdefault(_first_place(plan), plan) is not plan]
    return list(found.values()), others


def _first_place(plan: Plan) -> tuple[str, int, str]:
    """Where a plan's first fault is."""
    return plan.scenario, plan.replicas, plan.placed[0].at


def _told(campaign: Campaign, outcomes: Iterable[Outcome], say: Say) -> None:
    for outcome in outcomes:
        campaign.outcomes.append(outcome)
        for finding in outcome.findings:
            say(f"{outcome.plan}  {finding}")
        if len(campaign.outcomes) % 1000 == 0:
            say(f"{len(campaign.outcomes)} plans, {len(campaign.findings)} with findings")


def workers() -> ProcessPoolExecutor:
    """A process for each core, with all that plans need in it."""
    count = len(os.sched_getaffinity(0))
    return ProcessPoolExecutor(count, mp_context=get_context("forkserver"), initializer=_prepare)


def _prepare() -> None:
    # What was imported stays: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()


def _played(
    pool: ProcessPoolExecutor, plans: Iterable[Plan], is_over: Callable[[], bool]
) -> Iterator[Outcome]:
    """The outcomes of the plans, as they come, until it is over."""
    pending: set[Future[list[Outcome]]] = set()
    for batch in _batched(plans):
        if is_over():
            break
        pending.add(pool.submit(_outcomes, batch))
        if len(pending) >= 8:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                yield from future.result()
    for future in pending:
        yield from future.result()


def _outcomes(plans: tuple[Plan, ...]) -> list[Outcome]:
    return [outcome_of(plan) for plan in plans]


def _batched(plans: Iterable[Plan]) -> Iterator[tuple[Plan, ...]]:
    left = iter(plans)
    while batch := tuple(itertools.islice(left, BATCH)):
        yield batch
