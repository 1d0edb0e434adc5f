"""The model is worth something: each of these faults breaks the property that is named beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.model import operators
from tests.model.properties import AT_LEAST_ONCE, AT_MOST_ONCE, NO_GHOST, REST
from tests.model.scopes import Scope, pages, rooms
from tests.model.search import Broken, explored
from tests.model.states import Faults, Pending, State
from tests.support.seeds import never, never_adopted, never_probed, same_epoch
from watchbill.core import channel, closing, delivery, escalation, levels, record, targets
from watchbill.core.draft import Draft

Patch = pytest.MonkeyPatch

DEATH = pages(2, Faults(crashes=1))
STALE = pages(1, Faults(lags=1))
SLOW = pages(2, Faults(slow=1))
CALM = pages(2)
ROOM = rooms(Faults(crashes=1), count=1)


@dataclass(frozen=True)
class Mutant:
    """A fault, where it is looked for, and the property that it breaks."""

    seed: Callable[[Patch], None]
    scope: Scope
    breaks: str


def dropping(patch: Patch) -> None:
    written = operators.Operators._written

    def mutant(self: operators.Operators, state: State, place: tuple[int, int], pending: Pending) -> State:
        after = written(self, state, place, pending)
        mind = after.minds[place[0]][place[1]]
        return after if pending.is_current else after.with_mind(*place, mind._replace(outcomes=()))

    patch.setattr(operators.Operators, "_written", mutant)


def holder_in_key(patch: Patch) -> None:
    page_for = targets.page_for

    def mutant(draft: Draft, *arguments: Any) -> Any:
        page, by = page_for(draft, *arguments), draft.observation.holder
        hops = tuple(hop.model_copy(update={"key": f"{hop.key}{by}"}) for hop in page.hops)
        return page.model_copy(update={"hops": hops, "id": f"{page.id}{by}"})

    patch.setattr(levels, "page_for", mutant)


def put(module: Any, name: str, instead: Any) -> Callable[[Patch], None]:
    return lambda patch: patch.setattr(module, name, instead)


MUTANTS = {
    "outcomes are dropped on a conflict": Mutant(dropping, STALE, NO_GHOST),
    "a claim of another process is ignored": Mutant(
        put(delivery, "_is_mine", lambda draft, hop: True), DEATH, AT_MOST_ONCE
    ),
    "each process pages under a key of its own": Mutant(holder_in_key, STALE, AT_MOST_ONCE),
    "a late page is not closed again": Mutant(put(record, "_untold", lambda told: told), STALE, NO_GHOST),
    "an end that a page has crossed counts as told": Mutant(
        put(record, "_is_crossed", lambda hop, effect: False), STALE, NO_GHOST
    ),
    "the epoch does not grow": Mutant(same_epoch, CALM, AT_LEAST_ONCE),
    "what was sent and not recorded is forgotten": Mutant(
        put(escalation, "presumed", lambda draft: draft), DEATH, NO_GHOST
    ),
    "what waits is sent though somebody has it": Mutant(
        put(delivery, "is_wanted", lambda draft, page: page.state == "Pending"), CALM, NO_GHOST
    ),
    "the next level is forgotten": Mutant(put(escalation, "wakeups", never), CALM, AT_LEAST_ONCE),
    "an end that was not heard is told no more": Mutant(put(closing, "wakeups", never), SLOW, REST),
    "a room that was made is not found again": Mutant(never_adopted, ROOM, AT_MOST_ONCE),
    "what may have been said is said again": Mutant(never_probed, ROOM, AT_MOST_ONCE),
    "a claim on a room is never taken over": Mutant(put(channel, "wakeups", never), ROOM, REST),
}


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_the_model_finds(mutant: Mutant):
    with pytest.MonkeyPatch.context() as patch:
        mutant.seed(patch)
        with pytest.raises(Broken) as broken:
            explored(mutant.scope)
    assert broken.value.fault.of == mutant.breaks, broken.value
