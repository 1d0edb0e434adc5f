"""Random programs, played through the whole core: every status that a law sees was reached, not made up.

The draws are biased to what is hard: open incidents with pages that are refused or not answered.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import strategies as st

from tests.core.mitigating import book
from tests.support.builders import (
    KEYED,
    UID,
    UNKEYED,
    connections,
    incident,
    incident_class,
    observation,
    target,
)
from tests.support.builders import policy as a_policy
from tests.support.consistency import assert_consistent, step_faults
from tests.support.simulate import Answer, Cut, Simulation, Step
from watchbill.api.escalation_policy import EscalationPolicy
from watchbill.api.runbook_run_status import Debt
from watchbill.core.effects import ConnectionKey
from watchbill.core.mitigation import IncidentRun
from watchbill.core.observation import ConnectionFacts, Observation, UpdateFacts
from watchbill.core.outcomes import Result

Op = Callable[[Simulation], None]

OPERATOR = ConnectionKey("watchbill", "operator")
CHAT = ConnectionKey("incident-platform", "slack")
ROOM = {"response": {"channel": {"connectionRef": CHAT._asdict()}}}


@dataclass(frozen=True)
class Named:
    """One step of a program, with the words that a failing example prints."""

    text: str
    run: Op

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Program:
    """What there is in the beginning, and what happens then."""

    given: Observation
    answers: dict[str, Answer]
    steps: tuple[Named, ...]

    def __repr__(self) -> str:
        spec = self.given.incident.spec
        answers = {name: answer.result.value for name, answer in self.answers.items()}
        return f"{spec.severity} {spec.mode}, answers {answers}: {'; '.join(map(repr, self.steps))}"

    def _repr_pretty_(self, printer: Any, is_cycle: bool) -> None:
        printer.text(repr(self))


def played(program: Program, watch: Callable[[Step], None] = lambda step: None) -> Simulation:
    """The world after the program; every stored status was consistent, and followed from the one before."""
    world = Simulation(program.given, answers=dict(program.answers), watch=watch)
    before = world.stored
    for step in (Named("declared", lambda w: w.react()), *program.steps):
        step.run(world)
        if world.stored.conditions:
            assert_consistent(world.stored, UID)
            assert step_faults(before, world.stored) == []
        before = world.stored
    return world


# What there is

POLICIES = (
    a_policy(),
    a_policy(times=2),
    a_policy(("only", "5m", [target("pagerduty", "backup")]), last_resort="gone"),
    a_policy(("empty", "5m", [target("gone")]), ("second", "3m", [target("pagerduty"), target("backup")])),
    a_policy(("pair", "1m", [target("backup", "pagerduty"), target("pagerduty")]), times=1),
    a_policy(("quick", "1s", [target("pagerduty")]), ("quicker", "2s", [target("backup")]), times=3),
    a_policy(("nobody", "5m", [target("gone")]), last_resort="gone"),
)

policies = st.sampled_from(POLICIES)
NO_TIMEOUT: tuple[dict[str, Any], ...] = ({},)
TIMEOUTS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"acknowledgementTimeout": "30m"},
    {"acknowledgementTimeout": "7m"},
)
ROOMS: tuple[dict[str, Any], ...] = ({}, ROOM)
kinds = st.sampled_from(
    [(KEYED, UNKEYED), (KEYED, KEYED), (UNKEYED, UNKEYED), (KEYED, replace(KEYED, real=False))]
)


@st.composite
def givens(
    draw: st.DrawFn, modes: tuple[str, ...] = ("Live",), timeouts: tuple[dict[str, Any], ...] = TIMEOUTS
) -> Observation:
    """An incident and what is around it; sometimes without a class, a policy or the operator's connection."""
    first, second = draw(kinds)
    everything: dict[str, Any] = {
        "incident_class": incident_class(**draw(st.sampled_from(timeouts)), **draw(st.sampled_from(ROOMS))),
        "policies": {"primary": draw(policies)},
        "connections": {
            **connections(pagerduty=first, backup=second),
            ConnectionKey("incident-platform", "all-hands"): replace(UNKEYED, uid="uid-all-hands"),
            OPERATOR: replace(KEYED, uid="uid-operator"),
            CHAT: ConnectionFacts("uid-slack", allowed_classes=("service",), pages=False, channels=True),
        },
        "last_resort": draw(st.sampled_from([OPERATOR, OPERATOR, None])),
    }
    for absent in ("incident_class", "default_policy", "policies"):
        if draw(st.integers(0, 11)) == 11:
            everything[absent] = {} if absent == "policies" else None
    severity = draw(st.sampled_from(["SEV-1", "SEV-2", "SEV-3", "SEV-9"]))
    return observation(incident(severity, mode=draw(st.sampled_from(modes))), **everything)


# How connections answer

CONNECTIONS = ("pagerduty", "backup", "all-hands", "operator", "slack")

GOOD = (Answer(),)
REFUSALS = (
    *(Answer(Result.RETRY, timedelta(seconds=s) if s else None) for s in (0, 0, 2, 3, 8, 40)),
    Answer(Result.UNKNOWN),
    Answer(Result.UNKNOWN),
)
ANSWERS = (
    Answer(),
    Answer(),
    *REFUSALS,
    Answer(Result.PERMANENT),
    Answer(Result.AUTH),
    Answer(Result.CONFLICT),
)
"""All six results; most are refusals for now, or no answer."""


# What happens

SECONDS = (1, 2, 5, 9, 14, 15, 16, 29, 30, 31, 59, 60, 61, 240, 299, 300, 301, 600, 895)
USERS = ("ana", "bo", "cy")


def wait(seconds: int) -> Named:
    """Time passes."""
    return Named(f"+{seconds}s", lambda world: world.advance(timedelta(seconds=seconds)))


def acknowledge(world: Simulation, user: str, page: int | None = None) -> None:
    """A person takes the incident, or the page at this place of the ledger."""
    pages = world.status.pages
    chosen = {"page": pages[page % len(pages)].id} if page is not None and pages else {}
    others = world.observation.incident.spec.model_dump(by_alias=True, exclude_none=True)["acknowledgedBy"]
    count = sum(len(entry.get("note", "")) for entry in others.values())
    world.change(acknowledgedBy=others | {user: chosen | {"note": "!" * (count % 7 + 1)}})


def withdraw(world: Simulation, user: str) -> None:
    """A person takes the acknowledgement back."""
    entries = world.observation.incident.spec.model_dump(by_alias=True, exclude_none=True)["acknowledgedBy"]
    world.change(acknowledgedBy={name: entry for name, entry in entries.items() if name != user})


def wish(world: Simulation, **changes: Any) -> None:
    """A person writes part of `spec.escalation`."""
    old = world.observation.incident.spec.escalation
    body = old.model_dump(by_alias=True, mode="json", exclude_none=True) if old else {}
    world.change(escalation={k: v for k, v in (body | changes).items() if v is not None})


def post(world: Simulation) -> None:
    """Somebody posts an update."""
    name = f"update-{len(world.observation.updates)}"
    world.alter(updates=(*world.observation.updates, UpdateFacts(world.now, name, "ana", "Identified")))


def say(world: Simulation, state: str) -> None:
    """A person says what the state is, for a reason that was not given before."""
    before = world.observation.incident.spec.state_reason or "because"
    world.change(state=state, stateReason=f"{before[:99]}!")


def ask(world: Simulation, **more: str) -> None:
    """A person asks for more hands, for a reason that was not given before."""
    old = world.observation.incident.spec.escalation
    before = old.request.reason if old and old.request else "because"
    wish(world, request={"reason": f"{before[:99]}!"} | more)


def runs(world: Simulation, **facts: Any) -> None:
    """A run that ana requested, or nobody, has done something for the incident."""
    seen = world.observation.mitigation
    name = f"run-{len(seen.runs)}"
    new = IncidentRun(name, f"u-{name}", "book", incident_uid=UID, **facts)
    world.alter(mitigation=replace(seen, runs=(*seen.runs, new)))


def owes(world: Simulation) -> None:
    """A run has changed something for ten minutes."""
    runs(world, debt=(Debt(step="flip", what="a flag", expires_time=world.now + timedelta(minutes=10)),))


def settle(world: Simulation) -> None:
    """Bo settles all debt that is listed."""
    if entries := [each.id for each in world.status.debt]:
        world.change(debtSettledBy={"bo": {"entries": entries}})


def offer(world: Simulation, start: str) -> None:
    """There is one more runbook, or none any more."""
    seen = world.observation.mitigation
    name = f"book-{len(seen.runbooks)}"
    books = () if start == "Manual" else (*seen.runbooks, book(name, start=start))
    world.alter(mitigation=replace(seen, runbooks=books))


def acts_of(user: str) -> list[Named]:
    """What a person can do with an acknowledgement."""
    return [
        Named(f"{user} acknowledges", lambda w: acknowledge(w, user)),
        Named(f"{user} acknowledges", lambda w: acknowledge(w, user)),
        Named(f"{user} acknowledges the first page", lambda w: acknowledge(w, user, 0)),
        Named(f"{user} acknowledges the last page", lambda w: acknowledge(w, user, -1)),
        Named(f"{user} withdraws", lambda w: withdraw(w, user)),
        Named(f"{user} withdraws", lambda w: withdraw(w, user)),
    ]


def saying(state: str) -> Named:
    """A person says what the state is."""
    return Named(f"state {state}", lambda world: say(world, state))


def snooze(seconds: int) -> Named:
    """A person wants silence for so long."""
    later = timedelta(seconds=seconds)
    return Named(f"snooze {seconds}", lambda w: wish(w, snoozeUntilTime=(w.now + later).isoformat()))


def rating(severity: str) -> Named:
    """A person changes the severity."""
    return Named(f"severity {severity}", lambda world: world.change(severity=severity))


ACTS = (
    *(act for user in USERS for act in acts_of(user)),
    *map(saying, ("Mitigated", "Resolved", "Open") * 3),
    saying("Cancelled"),
    *map(rating, ("SEV-1", "SEV-1", "SEV-2", "SEV-3")),
    *map(snooze, (20, 600, 7200)),
    Named("snooze off", lambda world: wish(world, snoozeUntilTime=None)),
    Named("ana's run has worked", lambda w: runs(w, person="ana", mitigated=w.now)),
    Named("a run of nobody has worked", lambda w: runs(w, by_itself=True, mitigated=w.now)),
    Named("a run owes", owes),
    Named("debt is settled", settle),
    *(Named(f"a runbook: {start}", partial(offer, start=start)) for start in ("Suggest", "Auto", "Manual")),
    Named("ask", ask),
    Named("ask for second", lambda world: ask(world, toLevel="second")),
    Named("adopt", lambda w: wish(w, adoptPolicy=None if w.status.acts.adopt else True)),
    Named("update", post),
    Named("update", post),
)


def answering(name: str, answer: Answer) -> Named:
    """A connection begins to answer in another way."""
    text = f"{name} answers {answer.result} {answer.after or ''}"
    return Named(text.strip(), lambda world: world.answers.update({name: answer}))


def crash(world: Simulation, cut: Cut, down: int = 0, meanwhile: Op = lambda world: None) -> None:
    """The process ends in the next thing that it does; people act, and seconds later another begins."""
    world.cut = cut
    world.advance(timedelta(seconds=1800))
    world.kill()
    meanwhile(world)
    world.advance(timedelta(seconds=down))
    world.start()


def without(world: Simulation, name: str) -> None:
    """A connection is deleted."""
    world.alter(connections={k: v for k, v in world.observation.connections.items() if k.name != name})


def suspended(found: EscalationPolicy) -> EscalationPolicy:
    """The policy while it is suspended."""
    return found.model_copy(update={"spec": found.spec.model_copy(update={"suspend": True})})


WAITS = tuple(map(wait, SECONDS))
VENDORS = tuple(answering(name, answer) for name in (*CONNECTIONS[:2], "slack") for answer in ANSWERS)
TROUBLES = (
    *(Named(f"cut {cut}", lambda world, cut=cut: crash(world, cut)) for cut in Cut),  # type: ignore[misc]  # mypy cannot see a lambda's default
    Named("taken over", lambda world: world.start()),
    Named("taken over", lambda world: world.start()),
    *(Named("edited", lambda world, p=p: world.alter(policies={"primary": p})) for p in POLICIES[:4]),  # type: ignore[misc]  # as above
    Named("policy deleted", lambda world: world.alter(policies={})),
    Named("policy suspended", lambda world: world.alter(policies={"primary": suspended(POLICIES[0])})),
    Named("class appears", lambda world: world.alter(incident_class=incident_class())),
    Named("pagerduty deleted", lambda world: without(world, "pagerduty")),
    Named("backup deleted", lambda world: without(world, "backup")),
    *(Named("blind", lambda world: world.lose_sight()),) * 2,
    *(Named("sees again", lambda world: world.see_again()),) * 3,
)

steps = st.sampled_from((*WAITS, *ACTS, *VENDORS, *TROUBLES))
steps_without_crashes = st.sampled_from((*WAITS, *ACTS[:12], *VENDORS))
calm_steps = st.sampled_from((*WAITS, *ACTS))


@st.composite
def programs(
    draw: st.DrawFn,
    modes: tuple[str, ...] = ("Live",),
    step: st.SearchStrategy[Named] = steps,
    answers: tuple[Answer, ...] = ANSWERS,
    timeouts: tuple[dict[str, Any], ...] = TIMEOUTS,
    most: int = 14,
) -> Program:
    """A program of a few steps; in the beginning most connections fail, of the last ones one in three."""
    answer = st.sampled_from(answers)
    given = {name: draw(answer) for name in CONNECTIONS[:2] if draw(st.integers(0, 2))}
    given |= {name: draw(answer) for name in CONNECTIONS[2:] if not draw(st.integers(0, 2))}
    return Program(
        draw(givens(modes, timeouts)), given, tuple(draw(st.lists(step, min_size=4, max_size=most)))
    )
