"""What the operator's processes do, step by step, as the shell does it: look, perform, write, drop."""

from collections.abc import Iterator

from tests.model import vendors
from tests.model.core import Choice, Core, Question, flying, moment, names_seen
from tests.model.states import (
    Flight,
    ForeignClaim,
    Kind,
    Known,
    Mind,
    Move,
    Pending,
    Pool,
    Stage,
    State,
    Stored,
)
from watchbill.core.effects import ChannelEffect, Effect, SendPage, connection_of, follows_its_record, key_of
from watchbill.core.outcomes import Outcome, Result

DEADLINE = 10
"""Seconds after which an answer that does not come is unknown."""

Place = tuple[int, int]
"""A replica and an incident."""


class Operators:
    """The moves of both replicas."""

    def __init__(self, core: Core, pool: Pool) -> None:
        self._core = core
        self._pool = pool

    def moves(self, state: State, replica: int) -> Iterator[Move]:
        """All that a replica may do next by itself."""
        kind = Kind.SLOW if state.deposed and replica == state.lagging else Kind.WORK
        for incident, mind in enumerate(state.minds[replica]):
            place, where = (replica, incident), f"{'ab'[replica]}/{incident}"
            if not state.leads(replica):
                if mind.outcomes:
                    yield Move(kind, f"{where} only records", self._recorded(state, place))
                continue
            if mind.pending is None:
                looked = self._looked(state, place)
                after = looked.minds[replica][incident]
                # What begins nothing is undone by a conflict: looking and writing are one step then.
                if after.pending is not None and after.flights == mind.flights:
                    yield Move(kind, f"{where} looks and writes", self._written(looked, place, after.pending))
                elif looked != state:
                    yield Move(kind, f"{where} looks", looked)
            elif not _is_waiting(mind):
                yield Move(kind, f"{where} writes", self._written(state, place, mind.pending))

    def sends(self, state: State, replica: int) -> Iterator[Move]:
        """All that may arrive next of what a replica sends."""
        is_slow = state.deposed and replica == state.lagging
        for incident, mind in enumerate(state.minds[replica]):
            place, where = (replica, incident), f"{'ab'[replica]}/{incident}"
            for flight in ready(mind):
                word = f"{where} {_word(flight)}"
                if flight.stage == Stage.QUEUED and state.leads(replica):
                    kind = Kind.SLOW if is_slow else Kind.WORK
                    if self._is_wanted(state, place, flight):
                        yield Move(kind, word, self._performed(state, place, flight))
                    else:
                        yield Move(kind, f"{word} is dropped", _dropped(state, place, flight))
                if flight.stage == Stage.LEFT:
                    yield Move(Kind.SLOW, f"{word} arrives late", self._performed(state, place, flight))
                    unheard = _staged(state, place, flight, flight._replace(stage=Stage.ARRIVED))
                    unheard = _marked(unheard, place, flight)
                    world, _, _ = vendors.reached(state.world, flight.effect.value, broken_off=True)
                    yield Move(Kind.SLOW, f"{word} arrives, unheard", unheard._replace(world=world))

    def stuck(self, state: State, replica: int) -> Iterator[Move]:
        """A send has passed all that is asked before it, and is not with the vendor yet."""
        for incident, mind in enumerate(state.minds[replica]):
            place = replica, incident
            for flight in ready(mind):
                if flight.stage == Stage.QUEUED and self._is_wanted(state, place, flight):
                    left = flight._replace(stage=Stage.LEFT, until=state.now + DEADLINE)
                    text = f"{'ab'[replica]}/{incident} {_word(flight)} is stuck"
                    yield Move(Kind.FAULT, text, _staged(state, place, flight, left))

    def due(self, state: State) -> int | None:
        """When something is to be done next, if nothing happens before."""
        moments = [self._choice(state, (state.lease, at)).due for at in range(len(state.stored))]
        minds = (mind for minds in state.minds for mind in minds)
        moments += [flight.until for mind in minds for flight in mind.flights]
        return min((at for at in moments if at is not None and at > state.now), default=None)

    def later(self, state: State, now: int) -> State:
        """The state at a later moment, at which what was not answered in time is given up."""
        state = state._replace(now=now)
        for replica, minds in enumerate(state.minds):
            for incident, mind in enumerate(minds):
                over = [each for each in mind.flights if each.until is not None and each.until <= now]
                for flight in over:
                    outcome = Outcome(flight.effect.value, Result.UNKNOWN, moment(now))
                    state = self._landed(state, (replica, incident), flight, outcome)
        return state

    def _looked(self, state: State, place: Place) -> State:
        """The state after a process decided; what has no need of a record has begun."""
        replica, incident = place
        mind, view = state.minds[replica][incident], state.view(*place)
        pending = mind.pending
        if pending is not None and len(mind.outcomes) == pending.folded:
            return state
        choice, count = self._choice(state, place), len(mind.outcomes)
        flights = _started(mind.flights, choice.at_once, view.spec.generation)
        if choice.status is view.status:  # Nothing is in hand that etcd does not know.
            mind, pending, count = mind._replace(outcomes=(), late=_has_arrived(mind)), None, 0
            flights = _started(flights, choice.after, view.spec.generation)
        elif self._core.can_wait(view.status, choice.status):
            pending = None
            flights = _started(flights, choice.after, view.spec.generation)
        else:
            is_current = mind.seen is None if pending is None else pending.is_current
            pending = Pending(choice.status, is_current, count, choice.after)
        changed = mind._replace(
            pending=pending, flights=flights, waiting=count, claims=self._claims(state, place)
        )
        return state.with_mind(replica, incident, changed)

    def _choice(self, state: State, place: Place) -> Choice:
        replica, incident = place
        mind, view = state.minds[replica][incident], state.view(*place)
        base = view.status if mind.pending is None else mind.pending.status
        new = mind.outcomes if mind.pending is None else mind.outcomes[mind.pending.folded :]
        question = Question(
            incident,
            view.spec,
            self._core.record(base, new, state.now),
            flying(mind.flights),
            self._claims(state, place),
            names_seen(state, replica),
            state.now,
            state.names[replica],
        )
        return self._core.choice(question)

    def _claims(self, state: State, place: Place) -> tuple[ForeignClaim, ...]:
        replica, incident = place
        known = {claim[:3]: claim for claim in state.minds[replica][incident].claims}
        seen = self._core.claims(incident, state.view(*place).status, state.names[replica])
        return tuple(known.get(mark, ForeignClaim(*mark, state.now)) for mark in seen)

    def _written(self, state: State, place: Place, pending: Pending) -> State:
        """The state after the write; where somebody else wrote, all that is new is what was read then."""
        replica, incident = place
        mind = state.minds[replica][incident]
        if not pending.is_current:
            return state.with_mind(replica, incident, mind._replace(pending=None, seen=None))
        spec = state.stored[incident].spec
        changed = mind._replace(
            seen=None,
            pending=None,
            flights=_started(mind.flights, pending.after, spec.generation),
            outcomes=mind.outcomes[pending.folded :],
            waiting=0,
            late=mind.late and (pending.folded == 0 or _has_arrived(mind)),
        )
        state = state.storing(incident, Stored(spec, pending.status), writer=replica)
        return state.with_mind(replica, incident, changed)

    def _recorded(self, state: State, place: Place) -> State:
        """The state after a process that does not lead wrote what it did while it did."""
        replica, incident = place
        mind, stored = state.minds[replica][incident], state.stored[incident]
        status = self._core.record(stored.status, mind.outcomes, state.now)
        if status is not stored.status:
            state = state.storing(incident, Stored(stored.spec, status), writer=replica)
        return state.with_mind(
            replica, incident, mind._replace(outcomes=(), waiting=0, pending=None, late=_has_arrived(mind))
        )

    def _performed(self, state: State, place: Place, flight: Flight) -> State:
        effect, state = flight.effect.value, _marked(state, place, flight)
        world, id_, name = vendors.reached(state.world, effect)
        outcome = Outcome(effect, Result.OK, moment(state.now), external_id=id_, name=name)
        return self._landed(state._replace(world=world), place, flight, outcome)

    def _landed(self, state: State, place: Place, flight: Flight, outcome: Outcome) -> State:
        """The state with the outcome in hand; a decision that is not written yet takes it in at once."""
        mind = state.minds[place[0]][place[1]]
        outcomes = (*mind.outcomes, self._pool.known(outcome))
        landed = mind._replace(flights=_without(mind.flights, flight), outcomes=outcomes)
        state = state.with_mind(*place, landed)
        state = state if landed.pending is None else self._looked(state, place)
        # Of two connections one order of outcomes is as good as the other: they are about other hops.
        mind = state.minds[place[0]][place[1]]
        return state.with_mind(
            *place, mind._replace(outcomes=tuple(sorted(outcomes, key=_connection_of_outcome)))
        )

    def _is_wanted(self, state: State, place: Place, flight: Flight) -> bool:
        """Whether the sender still wants it: a page is asked for in the cache, and later ones in etcd."""
        effect = flight.effect.value
        if not isinstance(effect, SendPage):
            return True
        cached, stored = state.view(*place).spec.generation, state.stored[place[1]].spec.generation
        return flight.generation == cached and (effect.first_of_epoch or cached == stored)


def ready(mind: Mind) -> Iterator[Flight]:
    """What may be performed next: through each connection one thing at a time, in order (rule 11)."""
    busy = set()
    for flight in mind.flights:
        connection = connection_of(flight.effect.value)
        if connection not in busy:
            yield flight
        busy.add(connection)


def _is_waiting(mind: Mind) -> bool:
    """Whether a record waits for an answer, as it does for a second (rule 4)."""
    return any(
        each.stage == Stage.QUEUED and not follows_its_record(each.effect.value) for each in ready(mind)
    )


def _has_arrived(mind: Mind) -> bool:
    return any(flight.stage == Stage.ARRIVED for flight in mind.flights)


def _marked(state: State, place: Place, flight: Flight) -> State:
    """The state in which a process knows of one more page that arrived, be it after its end was told."""
    effect, mind = flight.effect.value, state.minds[place[0]][place[1]]
    is_late = isinstance(effect, SendPage) and key_of(effect) in state.world.ended
    return state.with_mind(*place, mind._replace(late=True)) if is_late else state


def _dropped(state: State, place: Place, flight: Flight) -> State:
    """The state after a page was not wanted any more: all is decided anew, on what is there."""
    mind = state.minds[place[0]][place[1]]
    left = _without(mind.flights, flight)
    return state.with_mind(*place, mind._replace(flights=left, pending=None, seen=None))


def _staged(state: State, place: Place, flight: Flight, changed: Flight) -> State:
    mind = state.minds[place[0]][place[1]]
    flights = tuple(changed if each is flight else each for each in mind.flights)
    return state.with_mind(*place, mind._replace(flights=flights))


def _without(flights: tuple[Flight, ...], flight: Flight) -> tuple[Flight, ...]:
    return tuple(each for each in flights if each is not flight)


def _started(
    flights: tuple[Flight, ...], effects: tuple[Known[Effect], ...], generation: int
) -> tuple[Flight, ...]:
    known = flying(flights)
    new = (each for each in effects if (key_of(each.value), each.value.action) not in known)
    return tuple(sorted((*flights, *(Flight(effect, generation) for effect in new)), key=_connection))


def _word(flight: Flight) -> str:
    effect = flight.effect.value
    key = key_of(effect).split("/", 1)[1]
    return f"{effect.action} {key if isinstance(effect, ChannelEffect) else key.rpartition('/')[0]}"


def _connection(flight: Flight) -> tuple[str, str]:
    return connection_of(flight.effect.value)


def _connection_of_outcome(outcome: Known[Outcome]) -> tuple[str, str]:
    return connection_of(outcome.value.effect)
