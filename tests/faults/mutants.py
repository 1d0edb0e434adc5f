"""Faults of the operator itself, one for each rule of the delivery protocol and more: the harness must find all.

They are seeded here, in the memory of one process, and never stand in the product.
"""

import itertools
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from watchbill.core import channel, decide, delivery, escalation, levels, targets
from watchbill.core.acts import state_said
from watchbill.core.draft import Draft
from watchbill.core.effects import CreateChannel, IncidentFacts, PostToChannel, SendPage
from watchbill.core.outcomes import Result
from watchbill.providers.contract import Verdict
from watchbill.shell.clock import Clock
from watchbill.shell.kube import Kube
from watchbill.shell.perform import Performer

DAY = timedelta(days=1)
Patch = pytest.MonkeyPatch
Seed = Callable[[Patch], None]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault, and the scenarios in which it is looked for first."""

    seed: Seed
    scenarios: tuple[str, ...]
    faults: tuple[str, ...] = ()
    """The faults that bring it out; a run without any is tried before."""


def value(name: str, instead: Any) -> Seed:
    """Something else in the place of what the product has under a name."""
    return lambda patch: patch.setattr(f"watchbill.{name}", instead)


def never(draft: Draft) -> Iterator[datetime]:
    """No wake-up."""
    return iter(())


def without(name: str) -> Seed:
    """A core that leaves a step out."""
    left = tuple(step for step in decide.STEPS if step.__name__ != name)
    assert len(left) == len(decide.STEPS) - 1, name
    return lambda patch: patch.setattr(decide, "STEPS", left)


def nothing(*_: object) -> None:
    """What does nothing."""


async def no(*_: object) -> bool:
    """What asks nobody and has found nothing."""
    return False


async def yes(*_: object) -> bool:
    """What asks nobody and is sure."""
    return True


def random_key(uid: str, *_: object) -> str:
    """A key that is another one each time."""
    return f"{uid}/1/1/first/{uuid.uuid4().hex[:12]}"


def name_in_key(uid: str, place: tuple[int, int, str], *target: str) -> str:
    """A key that two incidents of one name share."""
    return f"shop-cart/{place[0]}/{place[1]}/{place[2]}/{target[0][:8]}"


def time_in_key(patch: Patch) -> None:
    """A key that holds the time."""
    page_for = targets.page_for

    def mutant(draft: Draft, *arguments: Any) -> Any:
        page = page_for(draft, *arguments)
        hops = tuple(h.model_copy(update={"key": f"{h.key}{draft.now:%H%M%S}"}) for h in page.hops)
        return page.model_copy(update={"hops": hops})

    patch.setattr(levels, "page_for", mutant)


def same_epoch(patch: Patch) -> None:
    """An epoch that does not grow."""
    begun = escalation.begun

    def mutant(draft: Draft, *arguments: Any) -> Draft:
        is_first = draft.escalation.epoch == 0
        return begun(draft if is_first else draft.escalating(epoch=draft.escalation.epoch - 1), *arguments)

    patch.setattr(escalation, "begun", mutant)


def without_nulls(old: Any, new: Any) -> Any:
    """The patch that says what is new and not what is gone."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return {name: without_nulls(old.get(name), new[name]) for name in new if old.get(name) != new[name]}


def unfenced(patch: Patch) -> None:
    """A write of whatever version there is."""
    patched = Kube.patch_status

    async def mutant(kube: Kube, path: str, body: dict[str, Any], timeout: float = 10.0) -> Any:
        return await patched(kube, path, {"status": body["status"]}, timeout)

    patch.setattr(Kube, "patch_status", mutant)


def never_repeated(patch: Patch) -> None:
    """A page that may have arrived, and does not say so."""
    send = delivery._send
    patch.setattr(delivery, "_send", lambda *arguments: replace(send(*arguments), repeated=False))


def never_adopted(patch: Patch) -> None:
    """A channel that was made and not marked is somebody else's."""

    def mutant(facts: IncidentFacts, found: Any, other: str, may_adopt: bool) -> CreateChannel:
        return CreateChannel(facts, found, other)

    patch.setattr(channel, "CreateChannel", mutant)


def never_probed(patch: Patch) -> None:
    """A post is sent again without a look for it."""

    def mutant(facts: IncidentFacts, found: Any, text: str) -> PostToChannel:
        return PostToChannel(facts, found.model_copy(update={"uncertain": False}), text)

    patch.setattr(channel, "PostToChannel", mutant)


def by_the_wall(clock: Clock) -> datetime:
    """What the machine's clock shows, right or wrong."""
    return datetime.fromtimestamp(clock._wall(), UTC)


def recorded_first(patch: Patch) -> None:
    """A page counts as accepted before it is sent."""
    verdict = Performer._verdict

    async def mutant(performer: Performer, order: Any) -> Any:
        found = await verdict(performer, order)
        if isinstance(order.effect, SendPage) and found[0] is not None:
            return Verdict(Result.OK), found[1]
        return found

    patch.setattr(Performer, "_verdict", mutant)


def secrets_in_logs(patch: Patch) -> None:
    """What a vendor is sent is logged as it is."""
    values = Performer._values

    async def mutant(performer: Performer, connection: Any) -> dict[str, str]:
        found = await values(performer, connection)
        escalation_log.info("sending", **{key.rpartition(".")[2]: text for key, text in found.items()})
        return found

    import structlog  # noqa: PLC0415 - it is this mutant's alone

    escalation_log = structlog.get_logger("mutant")
    patch.setattr(Performer, "_values", mutant)


def early(patch: Patch) -> None:
    """A level opens two seconds before its time."""
    decided = decide.decide
    ahead = timedelta(seconds=2)
    patch.setattr("watchbill.shell.incidents.decide", lambda seen, now: decided(seen, now + ahead))


def hot(patch: Patch) -> None:
    """Every look is followed by a write."""
    counter = itertools.count()

    def mutant(old: Any, new: Any) -> Any:
        return {"newer": {"look": next(counter)}, **PATCH(old, new)}

    patch.setattr("watchbill.shell.store.merge_patch", mutant)


def silent_conditions(patch: Patch) -> None:
    """What a vendor answers badly stands nowhere."""
    sent = PARTS["sent"]

    def mutant(page: Any, at: int, outcome: Any) -> Any:
        changed = sent(page, at, outcome)
        quiet = {"attempts": 0, "reason": "", "message": "", "uncertain": False}
        hops = tuple(
            hop.model_copy(update=quiet) if number == at else hop for number, hop in enumerate(changed.hops)
        )
        return changed.model_copy(update={"hops": hops})

    patch.setattr("watchbill.core.record._sent", mutant)


def _parts() -> Mapping[str, Any]:
    from watchbill.core import record  # noqa: PLC0415

    return {"sent": record._sent}


PARTS = _parts()


def _patch() -> Any:
    from watchbill.shell.store import merge_patch  # noqa: PLC0415

    return merge_patch


PATCH = _patch()
CRASHES = ("crash-before", "crash-after", "crash-later")

MUTANTS: Mapping[str, Mutant] = {
    "rule 1: outcomes in hand are dropped": Mutant(
        value("shell.unwritten.Unwritten.start", lambda unwritten, key, incident, now: incident.status),
        ("unkeyed", "two-levels"),
        ("409", "reset-before"),
    ),
    "rule 1: only what was accepted is closed": Mutant(
        value("core.ledger.may_be_open", lambda page, hop: hop.state == "Accepted"),
        ("resolve-in-flight", "acknowledge-in-flight", "one-page"),
        (*CRASHES, "broken-after", "silent-after"),
    ),
    "rule 2: the epoch does not grow": Mutant(same_epoch, ("severity-raise", "reopened")),
    "rule 3: what is not found does not exist": Mutant(
        value("shell.observe.Absences.confirm", no), ("furnished-late",), ("stalled", "dropped")
    ),
    "rule 4: a record waits for every vendor": Mutant(
        value("shell.incidents.RECORD_WAIT", 60.0), ("one-page",), ("silent", "slow")
    ),
    "rule 4: a record waits for no vendor": Mutant(value("shell.incidents.RECORD_WAIT", 0.0), ("one-page",)),
    "rule 5: no fresh read precedes a page": Mutant(
        value("shell.perform.Performer._is_still_due", yes), ("taken-just-in-time",), ("stalled", "dropped")
    ),
    "rule 6: rounds go on while nobody can be seen": Mutant(
        value("core.escalation._is_held", lambda draft: False), ("rounds",), ("server-down-long", "server-down")
    ),
    "rule 7: what the watch missed is not looked for": Mutant(
        value("shell.sync.Syncer.resync", no), ("one-page", "two-levels"), ("dropped",)
    ),
    "rule 8: the lease of the dead is never taken": Mutant(
        value("shell.leader.Elector._may_take", lambda elector: elector.holder in ("", elector._name.identity)),
        ("hand-over",),
    ),
    "rule 8: every replica leads": Mutant(
        value("shell.leader.Elector.is_leader", lambda elector: True), ("unkeyed@2", "two-levels@2", "hand-over"),
        CRASHES,
    ),
    "rule 9: a claim of another process is never taken": Mutant(
        value("core.delivery.SEND_DEADLINE", DAY), ("unkeyed",), CRASHES
    ),
    "rule 9: the claim of another process is one's own": Mutant(
        value("core.delivery._is_mine", lambda draft, hop: True), ("unkeyed",), CRASHES
    ),
    "rule 10: a page that failed is tried nowhere else": Mutant(
        without("delivered"), ("fallback", "one-page")
    ),
    "rule 11: no resolve is repeated": Mutant(
        value("core.record.REPEATS", ()), ("resolve-in-flight", "one-page", "two-levels"), ("late",)
    ),
    "rule 12: nobody looks at the credential": Mutant(
        value("core.conditions._troubles", lambda draft: iter(())), ("credential-rotated",)
    ),
    "rule 13: every look at an act is a new act": Mutant(
        value("core.acts.digest", lambda found, counter=itertools.count(): str(next(counter))),
        ("reopened", "severity-raise", "one-page"),
    ),
    "rule 14: what is gone is left out": Mutant(
        value("shell.store.merge_patch", without_nulls), ("two-levels", "one-page", "unkeyed")
    ),
    "rule 14: the patch is for any version": Mutant(
        unfenced, ("unkeyed@2", "channel@2", "two-levels@2", "acknowledge-in-flight"),
        ("frozen", "frozen-before", "cut-off", "stalled", "acknowledged-meanwhile"),
    ),
    "rule 15: an unmarked channel is never adopted": Mutant(
        never_adopted, ("channel",), (*CRASHES, "broken-after")
    ),
    "rule 16: deadlines run by the machine's clock": Mutant(
        value("shell.clock.Clock.now", by_the_wall), ("two-levels",), ("hour-ahead", "hour-behind")
    ),
    "rule 17: no page leaves without its record": Mutant(
        value("shell.incidents.IncidentKeeper._unwritable", lambda *_: None), ("two-levels", "unkeyed"),
        ("no-space", "may-not-write", "server-down", "500"),
    ),
    "rule 18: a page of what is deleted stays open": Mutant(
        value("shell.remains.Remains.resolve", nothing), ("delete-and-recreate",)
    ),
    "rule 19: a key is random": Mutant(value("core.targets.page_key", random_key), ("one-page",), CRASHES),
    "rule 19: a key holds the name in place of the UID": Mutant(
        value("core.targets.page_key", name_in_key), ("delete-and-recreate", "two-incidents")
    ),
    "rule 19: a key holds the time": Mutant(time_in_key, ("one-page", "two-levels"), CRASHES),
    "rule 20: a level that nobody accepted has its time": Mutant(
        value("core.escalation.LEVEL_PATIENCE", DAY), ("unreachable",)),
    "rule 21: a rise plans nothing anew": Mutant(without("severity_changed"), ("severity-raise",)),
    "rule 22: what is pending is sent": Mutant(
        value("core.delivery.is_wanted", lambda draft, page: page.state == "Pending"),
        ("taken-unpaged",),
    ),
    "rule 22: all levels run late": Mutant(value("core.escalation.LATE", DAY), ("overdue",)),
    "an unkeyed page is sent again without a word": Mutant(never_repeated, ("unkeyed",), CRASHES),
    "a post is not looked for before it is sent again": Mutant(
        never_probed, ("channel",), (*CRASHES, "broken-after", "silent-after")
    ),
    "a page is recorded as accepted whatever came": Mutant(
        recorded_first, ("fallback", "one-page"), ("vendor-500", "refused")
    ),
    "what people say of the state is overheard": Mutant(without(state_said.__name__), ("one-page",)),
    "the wake-up of the next level is forgotten": Mutant(value("core.escalation.wakeups", never), ("two-levels",)),
    "the wake-up of the next attempt is forgotten": Mutant(
        value("core.delivery.wakeups", never), ("one-page",), ("vendor-500", "refused")
    ),
    "the wake-up of what is to be closed is forgotten": Mutant(
        value("core.closing.wakeups", never), ("one-page",), ("vendor-500", "refused")
    ),
    "the wake-up of the channel is forgotten": Mutant(
        value("core.channel.wakeups", never), ("channel",), ("vendor-500", "broken-before", *CRASHES)
    ),
    "whoever begins to lead looks at nothing": Mutant(
        value("shell.app.App._look_at_everything", nothing), ("hand-over",)
    ),
    "a level opens before its time": Mutant(early, ("two-levels",)),
    "every look is a write": Mutant(hot, ("one-page",)),
    "a secret is logged": Mutant(secrets_in_logs, ("one-page",)),
    "what a vendor answers badly is kept quiet": Mutant(
        silent_conditions, ("one-page",), ("vendor-500", "refused", "broken-after")
    ),
}
