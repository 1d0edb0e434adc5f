"""The laws are worth something: each of these faults in the core breaks one of them in bounded time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.laws import strategies as laws
from tests.laws import test_a_channel_is_made_once as channel_law
from tests.laws import test_a_page_waits_for_its_next_attempt as waiting_law
from tests.laws import test_crash_anywhere as crash_law
from tests.laws import test_deciding_twice_changes_nothing as twice_law
from tests.laws import test_nothing_happens_before_the_requeue as requeue_law
from tests.laws import test_old_objects_decide_like_new_ones as old_law
from tests.laws import test_only_an_open_incident_pages as paging_law
from tests.support.seeds import never, never_adopted, never_probed, never_repeated, same_epoch, time_in_key
from tests.support.simulate import Cut
from watchbill.core import cadence, channel, closing, decide, delivery, escalation, record, targets
from watchbill.core.acts import snoozed
from watchbill.core.draft import Draft
from watchbill.core.lifecycle import OPEN
from watchbill.core.transition import with_all_conditions

MOST_EXAMPLES = 400

Patch = pytest.MonkeyPatch
programs = laws.programs()
calm = laws.programs(step=laws.calm_steps, answers=laws.GOOD, most=7)
crashing = laws.programs(step=st.one_of(laws.calm_steps, crash_law.crashes()), answers=laws.GOOD, most=7)


@dataclass(frozen=True)
class Mutant:
    """A fault, and the law that must find it."""

    seed: Callable[[Patch], None]
    law: Callable[..., object]
    draws: tuple[st.SearchStrategy[Any], ...]


def without_step(step: Callable[[Draft], Draft]) -> Callable[[Patch], None]:
    left = tuple(other for other in decide.STEPS if other is not step)
    return lambda patch: patch.setattr(decide, "STEPS", left)


def one_pass(draft: Draft) -> Draft:
    for step in decide.STEPS:
        draft = step(draft)
    return draft


def name_in_key(patch: Patch) -> None:
    patch.setattr(targets, "page_key", lambda uid, place, *target: f"shop/{place}/{target}")


MUTANTS = {
    "the wakeup of the next level is forgotten": Mutant(
        lambda patch: patch.setattr(escalation, "wakeups", never), requeue_law.check, (programs,)
    ),
    "the wakeup of the next attempt is forgotten": Mutant(
        lambda patch: patch.setattr(delivery, "wakeups", never), requeue_law.check, (programs,)
    ),
    "the wakeup of a deadline is forgotten": Mutant(
        lambda patch: patch.setattr(cadence, "wakeups", never), requeue_law.check, (programs,)
    ),
    "the wakeup of a closing is forgotten": Mutant(
        lambda patch: patch.setattr(closing, "wakeups", never), requeue_law.check, (programs,)
    ),
    "one pass takes the place of the fixed point": Mutant(
        lambda patch: patch.setattr(decide, "settled", one_pass), twice_law.check, (programs,)
    ),
    "a waiting page is sent though somebody acknowledged": Mutant(
        lambda patch: patch.setattr(delivery, "is_wanted", lambda draft, page: page.state == "Pending"),
        paging_law.check,
        (programs,),
    ),
    "a waiting page is sent though the incident is over": Mutant(
        lambda patch: patch.setattr(
            delivery, "is_wanted", lambda draft, page: page.state == "Pending" and draft.phase not in OPEN
        ),
        paging_law.check,
        (programs,),
    ),
    "a snooze is ignored": Mutant(
        without_step(snoozed),
        lambda program: paging_law.check_silence(program, paging_law.ENDS["snoozed"]),
        (laws.programs(timeouts=laws.NO_TIMEOUT),),
    ),
    "the backoff is ignored": Mutant(
        lambda patch: patch.setattr(record, "backoff", lambda attempts, after=None: timedelta(0)),
        waiting_law.check,
        (laws.programs(step=laws.steps_without_crashes, answers=laws.REFUSALS),),
    ),
    "what the vendor asks for is ignored": Mutant(
        lambda patch: patch.setattr(record, "backoff", lambda attempts, after=None: timedelta(seconds=1)),
        waiting_law.check,
        (laws.programs(step=laws.steps_without_crashes, answers=laws.REFUSALS),),
    ),
    "pages that a dead process may have sent are forgotten": Mutant(
        lambda patch: patch.setattr(escalation, "presumed", lambda draft: draft),
        crash_law.check_nothing_stays_open,
        (crashing, st.sampled_from(["Acknowledge", "Resolve"])),
    ),
    "the epoch does not grow when an acknowledgement ends": Mutant(same_epoch, twice_law.check, (calm,)),
    "a key holds the time": Mutant(
        time_in_key, crash_law.check_nothing_stays_open, (crashing, st.just("Resolve"))
    ),
    "a key holds the object's name in place of its UID": Mutant(name_in_key, twice_law.check, (calm,)),
    "a page that may have arrived does not say so": Mutant(
        never_repeated,
        crash_law.check_same_keys,
        (calm, st.sampled_from(Cut), st.integers(0, 20)),
    ),
    "the claim of another process is taken for one's own": Mutant(
        lambda patch: patch.setattr(delivery, "_is_mine", lambda draft, hop: True),
        crash_law.check_same_keys,
        (calm, st.sampled_from(Cut), st.integers(0, 20)),
    ),
    "a channel that was made and not marked is not found again": Mutant(
        never_adopted, channel_law.check_once, (programs,)
    ),
    "a post is not looked for before it is sent again": Mutant(
        never_probed, channel_law.check_once, (programs,)
    ),
    "the wakeup of the channel is forgotten": Mutant(
        lambda patch: patch.setattr(channel, "wakeups", never), channel_law.check_told, (programs,)
    ),
    "a missing condition is not replaced": Mutant(
        without_step(with_all_conditions), old_law.check, (programs, st.data())
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_the_law_finds(mutant: Mutant):
    names = [f"draw_{at}" for at in range(len(mutant.draws))]

    @settings(max_examples=MOST_EXAMPLES, phases=(Phase.generate,))
    @given(**dict(zip(names, mutant.draws, strict=True)))
    def law(**drawn: Any) -> None:
        mutant.law(*(drawn[name] for name in names))

    with pytest.MonkeyPatch.context() as patch:
        mutant.seed(patch)
        with pytest.raises(AssertionError):
            law()
