"""Which plans are played with real processes: some of each kind, or a crash at every crossing and more."""

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tests.faults import campaign
from tests.faults.catalog import CATALOG, LEAVING
from tests.faults.crossings import Crossing
from tests.faults.plans import Placed, Plan, in_recovery, is_crash, singles
from tests.faults.play import play
from tests.faults.scenarios import SCENARIOS

LEFT_OUT = ("unreachable", "credential-rotated")
"""Scenarios of the product's own delays, which real time cannot shorten."""

UNREAL = frozenset(
    (
        "refused",  # A proxy has accepted the connection by then.
        "late",
        "dropped",
        "server-down-long",  # Longer than a plan may take.
        "forgotten",
        "definitions-updated",  # The server has its history to itself.
        "hour-ahead",
        "hour-behind",
        "drift",  # The machine's clock is everybody's.
        "newer-version",
        "rolled",  # The schema of now drops what a newer version would write.
    )
)
"""Faults of the fast mode alone."""

UNSURE = ("read-escalationpolicies", "read-incidentclasses")
"""Places that no two runs need share: whether something is missing is asked where a watch was slower."""

SHARES: Mapping[str, int] = {
    "crash": 21,
    "crash in recovery": 5,
    "api reply": 5,
    "effect reply": 4,
    "watch": 1,
    "time": 1,
    "replicas": 1,
    "environment": 2,
}
"""Of 40 plans, how many are of each group."""


def variants() -> list[tuple[str, int]]:
    """Every scenario with the replicas that it is played with."""
    return [each for each in campaign.variants() if each[0] not in LEFT_OUT]


def some(count: int, seed: int) -> list[Plan]:
    """So many plans, which the seed chooses: of each group its share, and of all scenarios in turn."""
    found: list[Plan] = []
    by_group = _by_group(seed)
    for group, share in SHARES.items():
        found += itertools.islice(by_group[group], round(share * count / sum(SHARES.values())))
    return found


def full(seed: int) -> list[Plan]:
    """A crash before and after each crossing that leaves a process, and others of all groups."""
    crashes = [
        Plan(name, replicas, (Placed(crossing.place, fault),), real=True)
        for name, replicas in variants()
        for crossing in campaign.reference(name, replicas).crossings
        for fault in ("crash-before", "crash-after")
        if crossing.kind in LEAVING
    ]
    found = dict.fromkeys(crashes + some(200, seed))
    return [*(Plan(name, replicas, (), real=True) for name, replicas in variants()), *found]


def lengthiest_first(plans: Iterable[Plan]) -> list[Plan]:
    """The plans in an order that keeps none waiting at the end."""
    return sorted(plans, key=lambda plan: -SCENARIOS[plan.scenario].absent)


def _by_group(seed: int) -> dict[str, Iterator[Plan]]:
    """For each group its plans, scenario after scenario."""
    found: dict[str, list[Iterator[Plan]]] = {group: [] for group in SHARES}
    for number, (name, replicas) in enumerate(variants()):
        crossings = campaign.reference(name, replicas).crossings
        leaving = {str(each.number) for each in crossings if each.kind in LEAVING}
        plans = [plan for plan in singles(name, replicas, crossings) if _is_real(plan, crossings)]
        crashes = [plan for plan in plans if is_crash(plan) and plan.placed[0].at in leaving]
        for each in (plans, crashes):
            random.Random(seed + number).shuffle(each)
        for group, mine in found.items():
            one = [plan for plan in plans if CATALOG[plan.placed[0].fault].group == group]
            by_name = [_placed_by_name(plan, crossings) for plan in (crashes if group == "crash" else one)]
            mine.append(_again(crashes) if group == "crash in recovery" else iter(by_name))
    return {group: _in_turn(plans, f"{seed} {group}") for group, plans in found.items()}


def _is_real(plan: Plan, crossings: Sequence[Crossing]) -> bool:
    """Whether a plan of one fault can be played with real processes."""
    (placed,) = plan.placed
    return placed.fault not in UNREAL and not crossings[placed.number].place.startswith(UNSURE)


def _again(crashes: Iterable[Plan]) -> Iterator[Plan]:
    """For each crash a plan in whose recovery another one comes."""
    for number, first in enumerate(crashes):
        crossings = play(first).crossings
        seconds = list(in_recovery(first, crossings))
        if seconds:
            yield _placed_by_name(seconds[number % len(seconds)], crossings)


def _placed_by_name(plan: Plan, crossings: Sequence[Crossing]) -> Plan:
    """The plan with its faults in places instead of at numbers, for real processes."""
    placed = tuple(Placed(crossings[each.number].place, each.fault) for each in plan.placed)
    return Plan(plan.scenario, plan.replicas, placed, real=True)


def _in_turn(plans: Sequence[Iterator[Plan]], seed: str) -> Iterator[Plan]:
    """One of each, again and again, in an order that the seed tells."""
    order = list(plans)
    random.Random(seed).shuffle(order)
    while order:
        for each in tuple(order):
            plan = next(each, None)
            if plan is None:
                order.remove(each)
            else:
                yield plan
