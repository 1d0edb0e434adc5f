"""Looks for each mutant: with plans that are likely to bring it out, until an oracle speaks."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.faults import campaign
from tests.faults.mutants import MUTANTS, Mutant
from tests.faults.oracles import judged
from tests.faults.plans import Plan, singles
from tests.faults.play import play
from tests.faults.scenarios import SCENARIOS

MOST = 120
"""How many plans are tried for one mutant."""


@dataclass(frozen=True, slots=True)
class Catch:
    """How a mutant was found; `oracle` is empty where it was not."""

    mutant: str
    oracle: str
    plan: str
    plans: int


def catch(name: str) -> Catch:
    """What came of the hunt for a mutant."""
    mutant, tried = MUTANTS[name], 0
    for plan in list(_plans(mutant))[:MOST]:
        tried += 1
        reference = campaign.reference(plan.scenario, plan.replicas)
        with pytest.MonkeyPatch.context() as patch:
            mutant.seed(patch)
            found = judged(play(plan), reference)
        if found:
            return Catch(name, found[0].oracle, str(plan), tried)
    return Catch(name, "", "", tried)


def catches() -> list[Catch]:
    """What came of the hunt for each."""
    with campaign.workers() as pool:
        return list(pool.map(catch, MUTANTS))


def _plans(mutant: Mutant) -> Iterator[Plan]:
    """The scenarios as they are, then with the faults at every crossing, in turn."""
    bases = [_base(text) for text in mutant.scenarios]
    yield from bases
    for base in bases:
        crossings = campaign.reference(base.scenario, base.replicas).crossings
        found = list(singles(base.scenario, base.replicas, crossings))
        for fault in mutant.faults:
            yield from (plan for plan in found if plan.placed[0].fault == fault)


def _base(text: str) -> Plan:
    name, _, replicas = text.partition("@")
    return Plan(name, int(replicas) if replicas else SCENARIOS[name].replicas)
