"""Faults of the operator itself, one for each rule of its protocol and more: the harness must find all.

They are seeded here, in the memory of one process, and never stand in the product.
"""

import itertools
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog

from watchbill.core import decide, record
from watchbill.core.effects import SendPage
from watchbill.core.outcomes import Result
from watchbill.providers.contract import Verdict
from watchbill.shell.clock import Clock
from watchbill.shell.kube import Kube
from watchbill.shell.perform import Performer
from watchbill.shell.store import merge_patch

DAY = timedelta(days=1)
Patch = pytest.MonkeyPatch
Seed = Callable[[Patch], None]


def value(name: str, instead: Any) -> Seed:
    """Something else in the place of what the product has under a name."""
    return lambda patch: patch.setattr(f"watchbill.{name}", instead)


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
        structlog.get_logger("mutant").info(
            "sending", **{key.rpartition(".")[2]: text for key, text in found.items()}
        )
        return found

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
        return {"newer": {"look": next(counter)}, **merge_patch(old, new)}

    patch.setattr("watchbill.shell.store.merge_patch", mutant)


def silent_conditions(patch: Patch) -> None:
    """What a vendor answers badly stands nowhere."""
    sent = record._sent

    def mutant(page: Any, at: int, outcome: Any) -> Any:
        changed = sent(page, at, outcome)
        quiet = {"attempts": 0, "reason": "", "message": "", "uncertain": False}
        hops = tuple(
            hop.model_copy(update=quiet) if number == at else hop for number, hop in enumerate(changed.hops)
        )
        return changed.model_copy(update={"hops": hops})

    patch.setattr(record, "_sent", mutant)
