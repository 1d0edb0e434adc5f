"""What must be true: of each decision, in each state, whenever nothing is left to do, and in the end."""

from collections.abc import Iterator
from typing import NamedTuple

from tests.model.scopes import EVERY, TARGETS, TIMEOUT, Scope
from tests.model.states import Alert, State, World
from watchbill.api.incident_status import IncidentStatus
from watchbill.core.effects import Effect, SendPage
from watchbill.core.lifecycle import OPEN

AT_LEAST_ONCE = "what is demanded is delivered"
AT_MOST_ONCE = "nothing is done twice unsaid"
NO_GHOST = "nothing is opened and left open that was taken or is over"
REST = "it comes to rest, and always in the same end"

GRACE = 11
"""Seconds that one fault may cost: a claim or an answer is waited for, and then it is tried again."""


class Fault(NamedTuple):
    """Which property does not hold, and where."""

    of: str
    text: str


def of_decision(status: IncidentStatus, effects: tuple[Effect, ...]) -> Iterator[Fault]:
    """A page that is sent although the same decision says that somebody has it or that it is over."""
    epoch = status.escalation.epoch
    held = any(each.epoch == epoch and not each.withdrawn_time for each in status.acknowledgements)
    for effect in effects:
        if isinstance(effect, SendPage) and (held or status.phase not in OPEN or effect.page.epoch != epoch):
            yield Fault(NO_GHOST, f"{effect.page.hops[effect.hop].key} is sent while {status.phase}")


def of_state(state: State, scope: Scope) -> Iterator[Fault]:
    """What was done twice: a page that does not say so, a page under two keys, a room, a word in a room."""
    spent, world = _spent(state, scope), state.world
    for alert in world.alerts:
        if alert.unsaid or (not alert.is_keyed and alert.openings > 1 + spent):
            yield Fault(AT_MOST_ONCE, f"{alert.key} was sent {alert.openings} times, {alert.unsaid} unsaid")
    if _has_twins([(alert.key.rpartition("/")[0], alert.connection) for alert in world.alerts]):
        yield Fault(AT_MOST_ONCE, f"one page has two keys: {[alert.key for alert in world.alerts]}")
    # Where two incidents want one name, a room that was made and not marked is left behind (rule 15).
    alone = len(state.stored) == 1
    if _has_twins([room.owner for room in world.rooms if room.is_marked or alone]):
        yield Fault(AT_MOST_ONCE, f"one incident has two rooms: {world.rooms}")
    if any(_has_twins(room.posts) for room in world.rooms):
        yield Fault(AT_MOST_ONCE, f"something was said twice: {world.rooms}")


def of_calm(state: State, scope: Scope) -> Iterator[Fault]:
    """What is wrong while nobody has anything to do before time passes."""
    for incident, stored in enumerate(state.stored):
        alerts = [alert for alert in state.world.alerts if alert.key.startswith(str(incident))]
        if not is_busy(state):
            yield from _ghosts(stored.status.value, alerts)
        if scope.levels and not stored.spec.over:
            yield from _undelivered(state, scope, alerts, stored.spec.acknowledged)


def of_end(state: State) -> Iterator[Fault]:
    """How the end, after which nothing happens any more, is another than the one that there should be."""
    for stored in state.stored:
        status = stored.status.value
        hops = [hop for page in status.pages for hop in page.hops]
        told = {(hop.closing.action, hop.closing.state) for hop in hops if hop.closing}
        if status.phase not in ("Resolved", "Closed") or not told <= {("Resolve", "Done")}:
            yield Fault(REST, f"the incident is {status.phase}, and the outside was told {told}")
        if status.escalation.state != "Stopped":
            yield Fault(REST, f"escalation is {status.escalation.state}")
    yield from _left_open(state.world)
    if is_busy(state):
        yield Fault(REST, "something is still under way")


def is_busy(state: State) -> bool:
    """Whether something is under way that may yet change what vendors have, or what is known of it."""
    minds = [mind for of_replica in state.minds for mind in of_replica]
    return state.lagging >= 0 or any(mind.flights or len(mind.outcomes) > mind.waiting for mind in minds)


def _left_open(world: World) -> Iterator[Fault]:
    for alert in world.alerts:
        if alert.state != "resolved":
            yield Fault(NO_GHOST, f"{alert.key} is {alert.state} in the end")
    for room in world.rooms:
        if room.is_marked and not room.is_archived:
            yield Fault(REST, f"{room} stays open")


def _ghosts(status: IncidentStatus, alerts: list[Alert]) -> Iterator[Fault]:
    """Alerts that stand open although what is recorded says otherwise, and that nobody is about to close."""
    taken = status.phase == "Acknowledged" and status.escalation.state == "Stopped"
    over = status.phase in ("Resolved", "Closed")
    closings = {hop.key: hop.closing for page in status.pages for hop in page.hops}
    for alert in alerts:
        closing = closings.get(alert.key)
        will_tell = closing is not None and (closing.state == "Pending" or closing.next_attempt_time)
        is_open = alert.state == "triggered" if taken else over and alert.state != "resolved"
        if is_open and not will_tell:
            yield Fault(NO_GHOST, f"{alert.key} is {alert.state}, and the incident {status.phase}")


def _undelivered(state: State, scope: Scope, alerts: list[Alert], taken: int | None) -> Iterator[Fault]:
    """Pages that should have arrived by now, reckoned from the policy and from what ana wrote alone."""
    now, grace = state.now, GRACE * _spent(state, scope)
    parts = [(alert.key.split("/"), alert.connection) for alert in alerts]
    got = {(key[1], key[3], connection) for key, connection in parts}
    until = now if taken is None else min(now, taken - 1)
    if missing := _due(scope.levels, ("1", 0), until - grace) - got:
        yield Fault(AT_LEAST_ONCE, f"at +{now}s these have not arrived: {sorted(missing)}")
    if taken is None:
        return
    # Taken at the moment at which a level is due, it may have been opened before that or not.
    stood = min(taken // EVERY, len(scope.levels) - 1)
    ways = {stood, max(0, stood - 1)} if taken % EVERY <= grace else {stood}
    again = [_due(scope.levels[way:], ("2", taken + TIMEOUT), now - grace) for way in sorted(ways)]
    if all(wanted - got for wanted in again):
        yield Fault(AT_LEAST_ONCE, f"at +{now}s, after ana's time, these have not arrived: {again}")


def _due(levels: tuple[str, ...], begun: tuple[str, int], now: int) -> set[tuple[str, str, str]]:
    """(epoch, level, connection) of what is due where an epoch began then at the first of these levels."""
    epoch, start = begun
    opened = [level for at, level in enumerate(levels) if start + at * EVERY <= now]
    return {(epoch, level, connection) for level in opened for connection in TARGETS[level]}


def _spent(state: State, scope: Scope) -> int:
    return sum(scope.faults) - sum(state.left)


def _has_twins(values: list[object] | tuple[object, ...]) -> bool:
    return len(values) != len(set(values))
