"""Plans: which faults happen at which crossings of which scenario; its id plays one again."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.faults.catalog import CATALOG
from tests.faults.crossings import Crossing
from tests.faults.scenarios import SCENARIOS

RECOVERY = 10
"""How many crossings that leave a process count as its recovery."""


REAL = "real/"
"""What the id of a plan with real processes begins with."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A fault at the crossing with this number, or in this place."""

    at: str
    fault: str

    @property
    def number(self) -> int:
        """The crossing's number; ValueError where a place is meant."""
        return int(self.at)

    def __str__(self) -> str:
        return f"{self.at}.{self.fault}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A scenario, its replicas, and what goes wrong in it; its text is its id."""

    scenario: str
    replicas: int
    placed: tuple[Placed, ...] = ()
    real: bool = False
    """Whether it is played with real processes."""

    @property
    def story(self) -> tuple[str, int]:
        """The scenario and its replicas."""
        return self.scenario, self.replicas

    @property
    def variant(self) -> str:
        """The same, as text."""
        return f"{self.scenario}@{self.replicas}"

    def __str__(self) -> str:
        faults = "+".join(map(str, self.placed))
        return f"{REAL if self.real else ''}{self.variant}:{faults}"


def plan_of(text: str) -> Plan:
    """The plan with this id; ValueError where there can be none."""
    head, _, faults = text.removeprefix(REAL).partition(":")
    scenario, _, replicas = head.partition("@")
    placed = [part.rpartition(".") for part in faults.split("+") if part]
    if unknown := [fault for _, _, fault in placed if fault not in CATALOG]:
        raise ValueError(f"there is no fault {unknown[0]}; there are {', '.join(CATALOG)}")
    faults_placed = tuple(Placed(at, fault) for at, _, fault in placed)
    return Plan(scenario, int(replicas), faults_placed, text.startswith(REAL))


def singles(scenario: str, replicas: int, crossings: Iterable[Crossing]) -> Iterator[Plan]:
    """Every plan of one fault, at every crossing where it can happen."""
    for crossing in crossings:
        for name, entry in CATALOG.items():
            if crossing.kind in entry.at and name not in SCENARIOS[scenario].unfit:
                yield Plan(scenario, replicas, (Placed(str(crossing.number), name),))


def in_recovery(first: Plan, crossings: Sequence[Crossing]) -> Iterator[Plan]:
    """The plans that crash once more in the recovery from a first crash, whose `crossings` these are."""
    (placed,) = first.placed
    after = [each for each in crossings if each.number > placed.number and each.kind in ("write", "effect")]
    for crossing in after[:RECOVERY]:
        for fault in ("crash-before", "crash-after"):
            yield Plan(first.scenario, first.replicas, (placed, Placed(str(crossing.number), fault)))


def is_crash(plan: Plan) -> bool:
    """Whether all that goes wrong is that a process is killed."""
    return all(CATALOG[placed.fault].group == "crash" for placed in plan.placed)


def in_order(plans: Iterable[Plan], seed: int) -> list[Plan]:
    """The plans, shuffled as the seed tells."""
    shuffled = list(plans)
    random.Random(seed).shuffle(shuffled)
    return shuffled
