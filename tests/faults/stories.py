"""What happens in a run when nothing goes wrong: people act on what they see, and each ends it all."""

from datetime import timedelta

from tests.faults.stage import Stage
from tests.faults.team import ROTATED
from tests.support.builders import target

PAGERDUTY, SECOND, BACKUP = target("pagerduty"), target("second"), target("backup")
FIRST = ("first", "5m", [PAGERDUTY])
QUICK = ("first", "30s", [PAGERDUTY])
JUST = 1.0
"""Seconds before a level is due at which somebody takes it just in time, of the clock of the run."""


async def one_page(stage: Stage) -> None:
    """Somebody is paged, takes it, and ends it."""
    stage.furnish(FIRST)
    await _taken_and_ended(stage, "first", stage.declare())


async def two_levels(stage: Stage) -> None:
    """Nobody answers at the first level."""
    stage.furnish(QUICK, ("second", "5m", [SECOND]))
    await _second_level(stage)


async def unkeyed(stage: Stage) -> None:
    """Two levels through a webhook, which knows no keys."""
    stage.furnish(("first", "30s", [BACKUP]), ("second", "5m", [BACKUP]))
    await _second_level(stage)


async def acknowledge_in_flight(stage: Stage) -> None:
    """Somebody takes it while the page is on its way."""
    stage.furnish(QUICK, ("second", "5m", [SECOND]))
    stage.vendors.slow["pagerduty"] = 3.0
    uid = stage.declare()
    await stage.paged("first", uid)
    stage.acknowledge()
    await stage.taken()
    await _ended(stage)


async def resolve_in_flight(stage: Stage) -> None:
    """Somebody ends it while the page is on its way."""
    stage.furnish(QUICK, ("second", "5m", [SECOND]))
    stage.vendors.slow["pagerduty"] = 3.0
    uid = stage.declare()
    await stage.paged("first", uid)
    await _ended(stage)


async def fallback(stage: Stage) -> None:
    """The first connection refuses, and the second one is tried."""
    stage.furnish(("first", "5m", [target("pagerduty", "backup")]))
    stage.vendors.refusing.add("pagerduty")
    uid = stage.declare()
    await stage.paged("first", uid, vendor="backup")
    stage.vendors.refusing.clear()
    await stage.rest(5)
    await _taken(stage)
    await _ended(stage)


async def severity_raise(stage: Stage) -> None:
    """It is worse than was thought, and everybody is paged anew."""
    stage.furnish(FIRST)
    uid = stage.declare(severity="SEV-2")
    await stage.paged("first", uid)
    await stage.recorded(uid)
    await stage.rest(5)
    stage.said.clear()
    stage.say(severity="SEV-1", setBy={"severity": "ana"})
    await stage.paged_again(uid, epoch=2)
    await stage.rest(5)
    await _taken(stage)
    await _ended(stage)


async def policy_edited(stage: Stage) -> None:
    """The policy changes while its levels are walked; what was frozen goes on."""
    stage.furnish(QUICK, ("second", "5m", [SECOND]))
    uid = stage.declare()
    since = stage.now
    await stage.paged("first", uid)
    await stage.recorded(uid)
    await stage.rest(5)
    stage.policy(QUICK, ("third", "1m", [BACKUP]))
    await stage.paged("second", uid, since + stage.span(30))
    await stage.rest(5)
    await _taken(stage)
    await _ended(stage)


async def deleted_and_declared_again(stage: Stage) -> None:
    """An incident goes while its page is open; another one takes its name."""
    stage.furnish(FIRST)
    first = stage.declare()
    await stage.paged("first", first)
    await stage.recorded(first)
    await stage.rest(5)
    stage.delete()
    await stage.rest(1)
    await _taken_and_ended(stage, "first", stage.declare())


async def last_resort(stage: Stage) -> None:
    """Nobody of the policy answers."""
    stage.furnish(QUICK)
    uid = stage.declare()
    since = stage.now
    await stage.paged("first", uid)
    await stage.paged("lastResort", uid, since + stage.span(30))
    await stage.rest(5)
    await _taken(stage)
    await _ended(stage)


async def two_incidents(stage: Stage) -> None:
    """Two teams' incidents go through the same connection."""
    stage.furnish(QUICK, ("second", "5m", [SECOND]))
    cart, search = stage.declare("cart"), stage.declare("search")
    since = stage.now
    await stage.paged("first", cart)
    await stage.paged("first", search)
    await stage.rest(3)
    await _taken(stage, "cart")
    await stage.paged("second", search, since + stage.span(30))
    await stage.rest(3)
    await _taken(stage, "search")
    await _ended(stage, "cart")
    await _ended(stage, "search")


async def hand_over(stage: Stage) -> None:
    """The leader dies before the second level is due, and stays away."""
    stage.furnish(QUICK, ("second", "5m", [SECOND]))
    uid = stage.declare()
    since = stage.now
    await stage.paged("first", uid)
    await stage.recorded(uid)
    await stage.rest(15)
    stage.leader.kill(back_after=timedelta(minutes=2))
    await stage.paged("second", uid, since + stage.span(30))
    await stage.rest(5)
    await _taken(stage)
    await _ended(stage)


async def overdue_at_the_start(stage: Stage) -> None:
    """The operator is away while two levels become due, of which only the later one is paged."""
    stage.furnish(QUICK, ("second", "30s", [SECOND]), ("third", "5m", [BACKUP]))
    uid = stage.declare()
    await stage.paged("first", uid)
    await stage.recorded(uid)
    await stage.rest(5)
    stage.leader.kill(back_after=timedelta(seconds=90))
    await stage.paged("third", uid, stage.now + stage.span(90))
    await stage.rest(5)
    await _taken(stage)
    await _ended(stage)


async def channel(stage: Stage) -> None:
    """The incident has a channel, where all is told, and which is archived."""
    room = {"channel": {"connectionRef": {"name": "slack", "namespace": stage.namespace}}}
    stage.furnish(FIRST, row={"reopenWindow": "1s"}, response=room)
    uid = stage.declare()
    await stage.paged("first", uid)
    await stage.rest(5)
    await _taken(stage)
    await _ended(stage)
    await stage.wait("its being closed", lambda: stage.status().get("phase") == "Closed")


async def reopened(stage: Stage) -> None:
    """What was thought to be over is not."""
    stage.furnish(FIRST)
    uid = stage.declare()
    await stage.paged("first", uid)
    await stage.recorded(uid)
    await stage.rest(3)
    await _ended(stage)
    await stage.rest(3)
    stage.said.clear()
    stage.say(state="Open", stateReason="it is back", setBy={"state": "bo"})
    await stage.paged_again(uid, epoch=2)
    await stage.recorded(uid, epoch=2)
    await stage.rest(3)
    await _taken(stage)
    await _ended(stage, reason="now it is")


async def furnished_late(stage: Stage) -> None:
    """Everything is applied at once while the operator runs, the incident first."""
    await stage.rest(5)
    uid = stage.declare()
    stage.furnish(FIRST)
    await _taken_and_ended(stage, "first", uid)


async def taken_just_in_time(stage: Stage) -> None:
    """Somebody takes it a moment before the next level is due."""
    stage.furnish(QUICK, ("second", "5m", [SECOND]))
    uid = stage.declare()
    due = stage.now + stage.span(30)
    await stage.paged("first", uid)
    await stage.rest_until(due - JUST)
    stage.acknowledge()
    await stage.taken()
    await stage.rest(5)
    await _ended(stage)


async def rounds(stage: Stage) -> None:
    """The levels are walked three times."""
    stage.furnish(QUICK, times=2)
    uid = stage.declare()
    since = stage.now
    await stage.paged("first", uid)
    await stage.recorded(uid)
    await stage.paged_again(uid, walk=3, due=max(since + stage.span(60), stage.now))
    await stage.rest(5)
    await _taken(stage)
    await _ended(stage)


async def unreachable(stage: Stage) -> None:
    """The first level's only connection is down, so that the next level opens after 30 s."""
    stage.furnish(FIRST)
    stage.vendors.refusing.add("pagerduty")
    uid = stage.declare()
    await stage.paged("lastResort", uid, stage.now + 30)
    stage.vendors.refusing.clear()
    await stage.rest(5)
    await _taken(stage)
    await _ended(stage)


async def taken_unpaged(stage: Stage) -> None:
    """Somebody takes it who was never paged, while the page waits for its next attempt."""
    stage.furnish(FIRST)
    stage.vendors.refusing.add("pagerduty")
    stage.declare()
    await stage.rest(5)
    stage.acknowledge()
    await stage.taken()
    stage.vendors.refusing.clear()
    await stage.rest(30)
    await _ended(stage)


async def credential_rotated(stage: Stage) -> None:
    """What the page was sent with is not valid when it is to be closed."""
    stage.furnish(FIRST)
    uid = stage.declare()
    await stage.paged("first", uid)
    await stage.recorded(uid)
    await stage.rest(5)
    stage.secret("pagerduty", {"routingKey": ROTATED})
    await stage.rest(70)
    await _taken(stage)
    await _ended(stage)
    await stage.wait("a word of what to close by hand", lambda: stage.is_true("Degraded"))


async def _second_level(stage: Stage) -> None:
    uid = stage.declare()
    since = stage.now
    await stage.paged("first", uid)
    await stage.paged("second", uid, since + stage.span(30))
    await stage.rest(5)
    await _taken(stage)
    await _ended(stage)


async def _taken_and_ended(stage: Stage, level: str, uid: str) -> None:
    await stage.paged(level, uid)
    await stage.rest(3)
    await _taken(stage)
    await _ended(stage)


async def _taken(stage: Stage, name: str = "cart") -> None:
    stage.acknowledge(name)
    await stage.taken(name)
    await stage.rest(3)


async def _ended(stage: Stage, name: str = "cart", reason: str = "rolled back") -> None:
    stage.resolve(name, reason)
    await stage.wait("the end", lambda: stage.status(name).get("phase") in ("Resolved", "Closed"))
