"""Plays as many plans as the time allows, on every core, and keeps what came of each.

A crash comes first, before and after each crossing that leaves a process, and then one in the recovery from
each; then each fault of the catalog once in each story. The rest of the time is for all other plans, half of
them crashes in a recovery, and each story gets an equal share of it: of one that costs twice as many
requests, half as many plans are played. Which plans are played in that order is told by the seed alone.
"""

import gc
import itertools
import os
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cache
from heapq import heapify, heappop, heappush
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
    requests: int = 0
    """How many requests its processes have made."""


@dataclass
class Campaign:
    """Plans that were played, and what was found."""

    outcomes: list[Outcome] = field(default_factory=list)
    learned: dict[str, tuple[Crossing, ...]] = field(default_factory=dict)
    """By scenario and replicas, what a run without a fault crosses."""
    costs: dict[str, int] = field(default_factory=dict)
    """And how many requests it takes."""
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
    crossings = tuple(run.crossings) if is_first else ()
    return Outcome(plan, findings, run.happened, late, crossings, run.stage.network.requests)


def run(seconds: float, least: int, seed: int, say: Say) -> Campaign:
    """The campaign of so many seconds, which go on until `least` plans were played."""
    began, campaign = time.monotonic(), Campaign()

    def is_over() -> bool:
        return time.monotonic() - began > seconds and len(campaign.outcomes) >= least

    with workers() as pool:
        for outcome in _played(pool, [Plan(*variant) for variant in variants()], lambda: False):
            campaign.outcomes.append(outcome)
            campaign.learned[outcome.plan.variant] = outcome.crossings
            campaign.costs[outcome.plan.variant] = outcome.requests
        covering, others = covering_and_others(campaign.outcomes, seed)
        _told(campaign, _played(pool, covering, is_over), say)
        again = [plan for first in campaign.outcomes if first.plan.placed for plan in _again(first)]
        missing, again = firsts(in_order(sorted(again, key=str), seed), _first_place)
        _told(campaign, _played(pool, missing, is_over), say)
        once, others = firsts(others, lambda plan: (plan.variant, plan.placed[0].fault))
        _told(campaign, _played(pool, once, is_over), say)
        _told(campaign, _played(pool, shared(campaign.costs, others, again), is_over), say)
    campaign.seconds = time.monotonic() - began
    return campaign


def covering_and_others(learned: Iterable[Outcome], seed: int) -> tuple[list[Plan], list[Plan]]:
    """The plans that crash before and after each crossing that leaves a process; and others of one fault."""
    plans = [plan for each in learned for plan in singles(*each.plan.story, each.crossings)]
    plans = in_order(sorted(plans, key=str), seed)
    leaving = {_first_place(plan) for plan in plans if plan.placed[0].fault == "crash-after"}
    covering = [p for p in plans if p.placed[0].fault in COVERING and _first_place(p) in leaving]
    done = set(covering)
    return covering, [plan for plan in plans if plan not in done]


def shared(costs: Mapping[str, int], *kinds: Iterable[Plan]) -> Iterator[Plan]:
    """All plans of these kinds by turns, so that at any time each story has had its equal share."""
    queues: defaultdict[str, list[list[Plan]]] = defaultdict(lambda: [[] for _ in kinds])
    for number, plans in enumerate(kinds):
        for plan in plans:
            queues[plan.variant][number].append(plan)
    left = {variant: by_turns(*queues[variant]) for variant in queues}
    spent = [(costs[variant], variant) for variant in left]
    heapify(spent)
    while spent:
        cost, variant = heappop(spent)
        if (following := next(left[variant], None)) is not None:
            yield following
            heappush(spent, (cost + costs[variant], variant))


def by_turns(*kinds: Iterable[Plan]) -> Iterator[Plan]:
    """One of each kind in turn, and what is left of the longest."""
    for turn in itertools.zip_longest(*kinds):
        yield from (plan for plan in turn if plan is not None)


def _again(first: Outcome) -> Iterator[Plan]:
    """The plans that crash once more where this one recovers."""
    if CATALOG[first.plan.placed[0].fault].at != ("event",):
        yield from in_recovery(first.plan, first.crossings)


def firsts(plans: Iterable[Plan], place: Callable[[Plan], Hashable]) -> tuple[list[Plan], list[Plan]]:
    """The first plan of each place, so that none is left out; and the others."""
    found: dict[Hashable, Plan] = {}
    others = [plan for plan in plans if found.setdefault(place(plan), plan) is not plan]
    return list(found.values()), others


def _first_place(plan: Plan) -> tuple[str, str]:
    """Where a plan's first fault is."""
    return plan.variant, plan.placed[0].at


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
    # What was imported stays, and what a plan leaves goes after its batch: the collector looks at neither
    # while plans are played.
    gc.collect()
    gc.freeze()
    gc.disable()


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
    outcomes = [outcome_of(plan) for plan in plans]
    gc.collect()
    return outcomes


def _batched(plans: Iterable[Plan]) -> Iterator[tuple[Plan, ...]]:
    left = iter(plans)
    while batch := tuple(itertools.islice(left, BATCH)):
        yield batch
