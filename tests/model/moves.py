"""All that may happen next in a state: what processes do, what goes wrong, what people do, and time."""

from collections.abc import Iterator
from itertools import count

from tests.model import vendors
from tests.model.operators import Operators, ready
from tests.model.scopes import Scope
from tests.model.states import Kind, Mind, Move, Spec, Stage, State
from watchbill.api.incident_status import IncidentStatus
from watchbill.core.effects import CreateChannel

EMPTY = Mind()
REPLICAS = (0, 1)
NAMES = "ab"


class Moves:
    """The moves of a scope."""

    def __init__(self, scope: Scope, operators: Operators) -> None:
        self._scope = scope
        self._operators = operators

    def after(self, state: State) -> tuple[Move, ...]:
        """All that may happen next; time passes only where nobody has anything to do."""
        found = [*self._work(state), *self._people(state), *self._faults(state)]
        if all(move.kind != Kind.WORK for move in found):
            found += self._time(state)
        unheard = (each for move in found if move.kind != Kind.TIME for each in _unheard(state, move))
        return tuple(move._replace(state=canonical(move.state)) for move in (*found, *unheard))

    def _may_die(self, state: State, replica: int) -> bool:
        """Whether the death of the process makes a difference that is explored."""
        minds = state.minds[replica]
        is_last_word = any(mind.late for mind in minds)
        has_something = replica == state.lease or any(mind != EMPTY for mind in minds)
        return has_something and (self._scope.forgets or not is_last_word)

    def _work(self, state: State) -> Iterator[Move]:
        for replica in REPLICAS:
            yield from self._operators.moves(state, replica)
            yield from self._operators.sends(state, replica)
        if state.lagging >= 0:
            kind = Kind.WORK if state.leads(state.lagging) else Kind.SLOW
            yield Move(kind, f"{NAMES[state.lagging]} hears of all", _caught_up(state))

    def _people(self, state: State) -> Iterator[Move]:
        """Ana takes all incidents, or says that they are over."""
        spec = state.stored[0].spec
        if spec.over:
            return
        if spec.acknowledged is None and state.now <= self._scope.horizon:
            yield Move(Kind.PEOPLE, "ana takes it", _said(state, spec._replace(acknowledged=state.now)))
        yield Move(Kind.PEOPLE, "ana says that it is over", _said(state, spec._replace(over=True)))

    def _time(self, state: State) -> Iterator[Move]:
        """Time passes to the next moment at which something is due; nothing new begins after the horizon."""
        due, horizon = self._operators.due(state), self._scope.horizon
        if not state.stored[0].spec.over and state.now <= horizon:
            # Where nothing wakes anybody, time passes all the same.
            due = horizon if due is None or due > horizon else due
        elif not state.stored[0].spec.over:
            return
        if due is not None and due > state.now:
            others = (at for at in self._scope.moments if state.now < at < due)
            for moment in (*others, due):
                yield Move(Kind.TIME, f"it is +{moment}s", self._operators.later(state, moment))

    def _faults(self, state: State) -> Iterator[Move]:
        left = state.left
        for replica in REPLICAS:
            if left.crashes and self._may_die(state, replica):
                yield Move(Kind.FAULT, f"{NAMES[replica]} dies", _crashed(state, replica))
                yield from _torn(state, replica)
            if left.slow and state.leads(replica):
                spent = state._replace(left=left.less(slow=1))
                yield from self._operators.stuck(spent, replica)
        is_behind = state.lagging == state.lease
        if is_behind or (left.lags and state.lagging < 0):
            rest = left if is_behind else left.less(lags=1)
            lost = state._replace(lease=1 - state.lease, lagging=state.lease, deposed=True, left=rest)
            yield Move(Kind.FAULT, f"{NAMES[state.lease]} loses the lease unknowingly", lost)


def _said(state: State, spec: Spec) -> State:
    for incident, stored in enumerate(state.stored):
        state = state.storing(incident, stored._replace(spec=spec))
    return state


def _unheard(state: State, move: Move) -> Iterator[Move]:
    """The same, but one process does not hear of what was written, nor of anything after it."""
    after = move.state
    if not state.left.lags or state.lagging >= 0 or after.lagging >= 0 or after.stored == state.stored:
        return
    for replica in REPLICAS:
        blind = after
        for incident, stored in enumerate(state.stored):
            if after.stored[incident] != stored:
                blind = blind.with_mind(
                    replica, incident, after.minds[replica][incident]._replace(seen=stored)
                )
        lags = blind._replace(lagging=replica, left=after.left.less(lags=1))
        if not move.text.startswith(NAMES[replica]):
            yield Move(Kind.FAULT, f"{move.text}; {NAMES[replica]} does not hear of it", lags)


def canonical(state: State) -> State:
    """The state with the leader first, and an idle process under the first name that is free.

    Which of two replicas is which makes no difference, nor under what name a process claims that has not.
    """
    if state.lease == 1:
        state = state._replace(
            lease=0,
            minds=state.minds[::-1],
            names=state.names[::-1],
            lagging=1 - state.lagging if state.lagging >= 0 else -1,
        )
    idle = [replica for replica in REPLICAS if all(mind == EMPTY for mind in state.minds[replica])]
    if not idle:
        return state
    statuses = {stored.status for stored in state.stored}
    statuses |= {mind.pending.status for minds in state.minds for mind in minds if mind.pending}
    taken = {number for status in statuses for number in _claimants(status.value)}
    if any(state.names[replica] in taken for replica in idle):
        return state
    taken |= {state.names[replica] for replica in REPLICAS if replica not in idle}
    free = (number for number in count(1) if number not in taken)
    names = tuple(next(free) if replica in idle else state.names[replica] for replica in REPLICAS)
    return state if names == state.names else state._replace(names=names)


def _torn(state: State, replica: int) -> Iterator[Move]:
    """A process dies between the making of a room and the marking of it."""
    for mind in state.minds[replica]:
        for flight in ready(mind):
            effect = flight.effect.value
            if isinstance(effect, CreateChannel) and flight.stage != Stage.ARRIVED:
                world, _, _ = vendors.reached(state.world, effect, broken_off=True)
                text = f"{NAMES[replica]} dies over the making of a room"
                yield Move(Kind.FAULT, text, _crashed(state._replace(world=world), replica))


def _crashed(state: State, replica: int) -> State:
    """The state with another process in its place that knows nothing; the lease is with the other replica."""
    used = {number for stored in state.stored for number in _claimants(stored.status.value)}
    used.add(state.names[1 - replica])
    name = next(number for number in range(1, len(used) + 2) if number not in used)
    blank = tuple(EMPTY for _ in state.stored)
    is_slow = replica == state.lagging
    return state._replace(
        minds=(blank, state.minds[1]) if replica == 0 else (state.minds[0], blank),
        names=(name, state.names[1]) if replica == 0 else (state.names[0], name),
        lease=1 - replica if replica == state.lease else state.lease,
        lagging=-1 if is_slow else state.lagging,
        deposed=state.deposed and not is_slow and replica != state.lease,
        left=state.left.less(crashes=1),
    )


def _claimants(status: IncidentStatus) -> Iterator[int]:
    """The numbers of those who claim something in the status; a new process takes none of them."""
    claims = [hop.claim for page in status.pages for hop in page.hops]
    claims.append(status.resources.channel.claim if status.resources.channel else None)
    return (int(claim.by.rpartition("-")[2]) for claim in claims if claim is not None)


def _caught_up(state: State) -> State:
    """The state in which who lagged knows all; where it has lost the lease, it drops what it has not sent."""
    replica = state.lagging
    for incident, mind in enumerate(state.minds[replica]):
        changed = mind._replace(seen=None)
        if state.deposed:
            sent = tuple(flight for flight in mind.flights if flight.stage != Stage.QUEUED)
            changed = changed._replace(pending=None, flights=sent, claims=())
        state = state.with_mind(replica, incident, changed)
    return state._replace(lagging=-1, deposed=False)
