"""The whole core under a virtual clock: people, connections that answer by script, processes that are killed.

The loop is the operator's: observe, decide, perform what has a key, record, write, perform what was claimed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from tests.support.builders import T0, seeing
from tests.support.chat_world import Chat
from watchbill.api.incident_status import IncidentStatus
from watchbill.core.channel_record import can_wait
from watchbill.core.decide import decide
from watchbill.core.decision import Decision, Event
from watchbill.core.effects import (
    ChannelEffect,
    Effect,
    PageEffect,
    channel_key,
    connection_of,
    follows_its_record,
    hop_of,
    key_of,
)
from watchbill.core.observation import Observation
from watchbill.core.outcomes import Outcome, Result
from watchbill.core.record import record

TIMEOUT = timedelta(seconds=10)
"""The sender's deadline: an answer that does not come by then is unknown."""

MOST_REACTIONS = 5000
"""More than any program needs; beyond it the core wakes up for nothing."""


class Cut(StrEnum):
    """Where a process can end in the middle of what it does."""

    AFTER_PERFORM = "after perform, before the record"
    AFTER_RECORD = "after the record, before what was claimed is sent"
    AFTER_CLAIMED = "after what was claimed is sent, before its outcome is recorded"


@dataclass(frozen=True)
class Answer:
    """How a connection answers."""

    result: Result = Result.OK
    after: timedelta | None = None
    reason: str = ""

    @property
    def hangs(self) -> bool:
        """Whether the answer comes only when the sender has given up."""
        return self.result == Result.UNKNOWN


@dataclass(frozen=True)
class Sent:
    """One request that reached the outside."""

    time: datetime
    effect: PageEffect
    answer: Answer
    by: str

    @property
    def key(self) -> str:
        """The outward key."""
        return hop_of(self.effect).key

    @property
    def connection(self) -> str:
        """The name of the connection."""
        return hop_of(self.effect).connection

    @property
    def refused(self) -> bool:
        """Whether the outside said not now."""
        return self.answer.result == Result.RETRY

    @property
    def after(self) -> timedelta | None:
        """How long the outside asked to wait."""
        return self.answer.after


@dataclass(frozen=True)
class Step:
    """One decision, with what it was made from."""

    observation: Observation
    now: datetime
    decision: Decision


@dataclass
class Simulation:
    """One incident and its world; `stored` is what a new process would find."""

    observation: Observation
    now: datetime = T0
    answers: dict[str, Answer] = field(default_factory=dict)
    watch: Callable[[Step], None] = lambda step: None
    """Called with every decision."""
    sent: list[Sent] = field(default_factory=list)
    events: list[tuple[datetime, Event]] = field(default_factory=list)
    writes: int = 0
    cuts: int = 0
    """How many processes ended in the middle of what they did."""
    alive: bool = True
    blind: bool = False
    cut: Cut | None = None
    """Where the process ends when it next gets there."""
    is_replaced: bool = False
    """Whether another process begins at once where this one is cut."""
    stored: IncidentStatus = field(default_factory=IncidentStatus)
    chat: Chat = field(default_factory=Chat)
    asked: list[tuple[datetime, ChannelEffect]] = field(default_factory=list)
    """What the chat was asked for, also where it refused."""
    _memory: IncidentStatus | None = None
    _outcomes: list[Outcome] = field(default_factory=list)
    _in_hand: list[Outcome] = field(default_factory=list)
    """Outcomes that are known and wait for the next write."""
    _unanswered: list[tuple[datetime, ChannelEffect]] = field(default_factory=list)
    _hanging: list[tuple[datetime, Sent]] = field(default_factory=list)
    _claims: dict[str, datetime] = field(default_factory=dict)
    _next: datetime | None = None
    _hidden: dict[str, Any] = field(default_factory=dict)
    _processes: int = 1

    @property
    def status(self) -> IncidentStatus:
        """What is recorded, or held in memory while it cannot be."""
        return self._memory or self.stored

    # People and the world

    def change(self, **spec: Any) -> None:
        """Somebody writes the spec; the process looks, unless it cannot see the API server."""
        if self.blind:
            self._hidden |= spec
            return
        self.observation = seeing(self.observation, **spec)
        self.react()

    def alter(self, **facts: Any) -> None:
        """Something else that is observed changes; the process looks."""
        self.observation = replace(self.observation, **facts)
        self.react()

    def lose_sight(self) -> None:
        """The API server cannot be reached any more."""
        self.blind = True
        self.alter(blind_since=self.observation.blind_since or self.now)

    def see_again(self) -> None:
        """The API server is back, with all that people wrote meanwhile."""
        hidden, self._hidden, self.blind = self._hidden, {}, False
        self.observation = replace(seeing(self.observation, **hidden), blind_since=None)
        self.react()

    def kill(self) -> None:
        """The process ends, and all that it had in memory is lost."""
        self.alive, self.cut, self._memory, self._next = False, None, None, None
        self._outcomes, self._in_hand, self._claims = [], [], {}
        self._hanging, self._unanswered = [], []

    def start(self) -> None:
        """Another process, with an identity of its own, takes over from what is stored."""
        self._renew()
        self.react()

    def _renew(self) -> None:
        self.kill()
        self._processes += 1
        self.alive = True
        self.observation = replace(self.observation, holder=f"operator-{self._processes}")

    # The clock

    def advance(self, length: timedelta) -> None:
        """Let time pass; the process wakes up whenever it said so, or an answer is given up."""
        end = self.now + length
        for _ in range(MOST_REACTIONS):
            hanging = [*(time for time, _ in self._hanging), *(time for time, _ in self._unanswered)]
            moments = [m for m in (self._next, *hanging) if m is not None]
            due = min((m for m in moments if m <= end), default=None)
            if due is None or not self.alive:
                self.now = end
                return
            self.now = max(self.now, due)
            self._give_up()
            self.react()
        raise AssertionError(
            f"more than {MOST_REACTIONS} reactions in {length}: the core wakes up for nothing"
        )

    # The operator

    def react(self) -> None:
        """Observe, decide, perform, record, once; again where the outside answered what was claimed."""
        again = self.alive
        while again and self.alive:
            again = self._reconcile()

    def _reconcile(self) -> bool:
        status, decision = record(self.status, self._in_hand, self.now), None
        events: list[Event] = []
        while decision is None or self._outcomes:
            status = record(status, self._taken_outcomes(), self.now)
            decision = self._decided(status)
            events += decision.events
            status = decision.status
            self._perform(effect for effect in decision.pages if not follows_its_record(effect))
        if self._is_cut(Cut.AFTER_PERFORM):
            return self.alive
        if status == self.stored or not can_wait(self.stored, status):
            self._write(status, events)
        self._next = None if decision.requeue_after is None else self.now + decision.requeue_after
        if self._is_cut(Cut.AFTER_RECORD):
            return self.alive
        claimed = [effect for effect in decision.pages if follows_its_record(effect)]
        self._perform(claimed)
        if not self.blind:
            self._ask(decision.channel)
        if (claimed or decision.channel) and self._is_cut(Cut.AFTER_CLAIMED):
            return self.alive
        return bool(self._outcomes)

    def _decided(self, status: IncidentStatus) -> Decision:
        incident = self.observation.incident.model_copy(update={"status": status})
        effects: list[Effect] = [sent.effect for _, sent in self._hanging]
        effects += [effect for _, effect in self._unanswered]
        observation = replace(
            self.observation,
            incident=incident,
            in_flight=frozenset((key_of(effect), effect.action) for effect in effects),
            foreign_claims=self._foreign_claims(status),
        )
        decision = decide(observation, self.now)
        self.watch(Step(observation, self.now, decision))
        return decision

    def _write(self, status: IncidentStatus, events: list[Event]) -> None:
        self.events += [(self.now, event) for event in events]
        if self.blind:
            self._memory, self._in_hand = status, []
            return
        self._memory, self._in_hand = None, []
        self.writes += status != self.stored
        # As etcd would give it back: a bound that is broken fails here.
        self.stored = IncidentStatus.model_validate(status.to_json())
        assert self.stored == status, "the status is not the same after it was stored"

    def _perform(self, effects: Any) -> None:
        for effect in effects:
            answer = self.answers.get(connection_of(effect).name, Answer())
            sent = Sent(self.now, effect, answer, self.observation.holder)
            self.sent.append(sent)
            if answer.hangs:
                self._hanging.append((self.now + TIMEOUT, sent))
            else:
                reason = answer.reason or ("" if answer.result == Result.OK else answer.result.value.title())
                self._outcomes.append(Outcome(effect, answer.result, self.now, answer.after, reason))

    def _ask(self, effects: tuple[ChannelEffect, ...]) -> None:
        for effect in effects:
            answer = self.answers.get(connection_of(effect).name, Answer())
            self.asked.append((self.now, effect))
            if answer.hangs:
                # The worst that a lost answer can mean: it was done, and a new channel was not yet marked.
                self.chat.perform(effect, broken_off=True)
                self._unanswered.append((self.now + TIMEOUT, effect))
                continue
            id_, name = self.chat.perform(effect) if answer.result == Result.OK else ("", "")
            reason = answer.reason or ("" if answer.result == Result.OK else answer.result.value.title())
            outcome = Outcome(effect, answer.result, self.now, answer.after, reason)
            self._outcomes.append(replace(outcome, external_id=id_, name=name))

    def _give_up(self) -> None:
        lost = [effect for time, effect in self._unanswered if time <= self.now]
        self._unanswered = [(time, effect) for time, effect in self._unanswered if time > self.now]
        self._outcomes += [Outcome(effect, Result.UNKNOWN, self.now, reason="Timeout") for effect in lost]
        due = [sent for time, sent in self._hanging if time <= self.now]
        self._hanging = [(time, sent) for time, sent in self._hanging if time > self.now]
        self._outcomes += [
            Outcome(sent.effect, Result.UNKNOWN, self.now, reason="Timeout", message="no answer")
            for sent in due
        ]

    def _taken_outcomes(self) -> list[Outcome]:
        taken, self._outcomes = self._outcomes, []
        self._in_hand += taken
        return taken

    def _foreign_claims(self, status: IncidentStatus) -> Mapping[str, datetime]:
        seen = {}
        for hop in (hop for page in status.pages for hop in page.hops):
            if hop.state == "Claimed" and hop.claim is not None and hop.claim.by != self.observation.holder:
                mark = f"{hop.key} {hop.claim.by} {hop.claim.time}"
                seen[hop.key] = self._claims.setdefault(mark, self.now)
        channel = status.resources.channel
        claim = channel.claim if channel else None
        if claim is not None and claim.by != self.observation.holder:
            key = channel_key(self.observation.incident.metadata.uid)
            seen[key] = self._claims.setdefault(f"{key} {claim.by} {claim.time}", self.now)
        return seen

    def _is_cut(self, cut: Cut) -> bool:
        if self.cut != cut:
            return False
        self.cut = None
        self.cuts += 1
        self._renew() if self.is_replaced else self.kill()
        return True
