"""The product's own core, asked each question once: `decide` and `record` are pure."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from tests.model import properties
from tests.model.properties import Fault
from tests.model.scopes import Scope, written
from tests.model.states import Flight, ForeignClaim, Known, Pool, Spec, State
from tests.support.builders import T0
from watchbill.api.incident_status import IncidentStatus
from watchbill.core import decide as deciding
from watchbill.core import record as recording
from watchbill.core.channel_record import can_wait
from watchbill.core.effects import ConnectionKey, Effect, follows_its_record, key_of
from watchbill.core.observation import Observation
from watchbill.core.outcomes import Outcome
from watchbill.shell.claims import claims_of

Flying = frozenset[tuple[str, str]]
Names = tuple[tuple[ConnectionKey, str] | None, ...]
"""Which room each incident has or claims."""


class Choice(NamedTuple):
    """A decision, with its effects as the shell tells them apart."""

    status: Known[IncidentStatus]
    at_once: tuple[Known[Effect], ...]
    after: tuple[Known[Effect], ...]
    due: int | None
    """When to look again."""


class Question(NamedTuple):
    """All that a decision depends on."""

    incident: int
    spec: Spec
    status: Known[IncidentStatus]
    flying: Flying
    claims: tuple[ForeignClaim, ...]
    names: Names
    now: int
    holder: int


class Core:
    """`decide` and `record` over values that are kept once."""

    def __init__(self, scope: Scope, pool: Pool) -> None:
        self.faults: list[Fault] = []
        """What is wrong with a decision that was made."""
        self._scope = scope
        self._pool = pool
        self._givens: dict[tuple[int, Spec], Observation] = {}
        self._choices: dict[Question, Choice] = {}
        self._records: dict[
            tuple[Known[IncidentStatus], tuple[Known[Outcome], ...], int], Known[IncidentStatus]
        ] = {}
        self._waits: dict[tuple[Known[IncidentStatus], Known[IncidentStatus]], bool] = {}
        self._claims: dict[tuple[Known[IncidentStatus], int], tuple[tuple[str, str, str], ...]] = {}

    def choice(self, question: Question) -> Choice:
        """What is decided."""
        found = self._choices.get(question)
        if found is None:
            found = self._choices[question] = self._decided(question)
        return found

    @property
    def choices(self) -> dict[Question, Choice]:
        """Every decision that was made."""
        return self._choices

    def record(
        self, status: Known[IncidentStatus], outcomes: tuple[Known[Outcome], ...], now: int
    ) -> Known[IncidentStatus]:
        """The status with these outcomes folded in."""
        if not outcomes:
            return status
        asked = (status, outcomes, now)
        if asked not in self._records:
            values = [outcome.value for outcome in outcomes]
            self._records[asked] = self._pool.known(recording.record(status.value, values, moment(now)))
        return self._records[asked]

    def can_wait(self, old: Known[IncidentStatus], new: Known[IncidentStatus]) -> bool:
        """Whether there is nothing to write, or nothing that may not be written later."""
        if old is new:
            return True
        if (old, new) not in self._waits:
            self._waits[old, new] = can_wait(old.value, new.value)
        return self._waits[old, new]

    def claims(
        self, incident: int, status: Known[IncidentStatus], holder: int
    ) -> tuple[tuple[str, str, str], ...]:
        """(key, holder, time) of the claims of others in the status."""
        if (status, holder) not in self._claims:
            seen = self._given(incident, Spec()).incident.model_copy(update={"status": status.value})
            self._claims[status, holder] = tuple(
                (key, claim.by, claim.time.isoformat())
                for key, claim in claims_of(seen)
                if claim.by != _name(holder)
            )
        return self._claims[status, holder]

    def _decided(self, question: Question) -> Choice:
        owners: dict[tuple[ConnectionKey, str], frozenset[str]] = {}
        for at, place in enumerate(question.names):
            if place is not None:
                uid = self._scope.given[at].incident.metadata.uid
                owners[place] = owners.get(place, frozenset()) | {uid}
        given = self._given(question.incident, question.spec)
        seen = replace(
            given,
            incident=given.incident.model_copy(update={"status": question.status.value}),
            in_flight=question.flying,
            foreign_claims={claim.key: moment(claim.seen) for claim in question.claims},
            channel_claims=owners,
            holder=_name(question.holder),
        )
        decision = deciding.decide(seen, moment(question.now))
        self.faults += properties.of_decision(decision.status, decision.effects)
        known = self._pool.known
        after = decision.requeue_after
        return Choice(
            known(decision.status),
            tuple(known(effect) for effect in decision.effects if not follows_its_record(effect)),
            tuple(known(effect) for effect in decision.effects if follows_its_record(effect)),
            None if after is None else question.now + _seconds(after),
        )

    def _given(self, incident: int, spec: Spec) -> Observation:
        if (incident, spec) not in self._givens:
            self._givens[incident, spec] = written(self._scope.given[incident], spec)
        return self._givens[incident, spec]


def moment(seconds: int) -> datetime:
    """The moment so long after the beginning."""
    return T0 + timedelta(seconds=seconds)


def flying(flights: tuple[Flight, ...]) -> Flying:
    """(key, action) of what is being performed."""
    return frozenset((key_of(each.effect.value), each.effect.value.action) for each in flights)


def names_seen(state: State, replica: int) -> Names:
    """Which room each incident has or claims, as the replica's cache has it."""
    return tuple(_room(state.view(replica, at).status.value) for at in range(len(state.stored)))


def _room(status: IncidentStatus) -> tuple[ConnectionKey, str] | None:
    channel = status.resources.channel
    return None if channel is None else (ConnectionKey(channel.namespace, channel.connection), channel.name)


def _name(holder: int) -> str:
    return f"operator-{holder}"


def _seconds(length: timedelta) -> int:
    whole = int(length.total_seconds())
    assert timedelta(seconds=whole) == length, "the model's clock counts seconds"
    return whole
