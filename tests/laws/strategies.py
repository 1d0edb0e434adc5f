"""Random programs, played through the whole core: every status that a law sees was reached, not made up.

The draws are biased to what is hard: open incidents with pages that are refused or not answered.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from tests.support.builders import KEYED, UID, UNKEYED, connections, incident, incident_class, observation
from tests.support.builders import policy as a_policy
from tests.support.builders import target
from tests.support.consistency import assert_consistent, step_faults
from tests.support.simulate import Answer, Cut, Simulation, Step
from watchbill.core.effects import ConnectionKey
from watchbill.core.observation import Observation, UpdateFacts
from watchbill.core.outcomes import Result

Op = Callable[[Simulation], None]

OPERATOR = ConnectionKey("watchbill", "operator")


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
NO_TIMEOUT = ({},)
TIMEOUTS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"acknowledgementTimeout": "30m"},
    {"acknowledgementTimeout": "7m"},
)
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
        "incident_class": incident_class(**draw(st.sampled_from(timeouts))),
        "policies": {"primary": draw(policies)},
        "connections": {
            **connections(pagerduty=first, backup=second),
            ConnectionKey("incident-platform", "all-hands"): replace(UNKEYED, uid="uid-all-hands"),
            OPERATOR: replace(KEYED, uid="uid-operator"),
        },
        "last_resort": draw(st.sampled_from([OPERATOR, OPERATOR, None])),
    }
    for absent in ("incident_class", "default_policy", "policies"):
        if draw(st.integers(0, 11)) == 11:
            everything[absent] = {} if absent == "policies" else None
    severity = draw(st.sampled_from(["SEV-1", "SEV-2", "SEV-3", "SEV-9"]))
    return observation(incident(severity, mode=draw(st.sampled_from(modes))), **everything)


# How connections answer

CONNECTIONS = ("pagerduty", "backup", "all-hands", "operator")

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


@st.composite
def waiting(draw: st.DrawFn) -> Named:
    """Time passes."""
    seconds = draw(st.sampled_from(SECONDS))
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


@st.composite
def act(draw: st.DrawFn) -> Named:
    """A person writes something."""
    user, place = draw(st.sampled_from(USERS)), draw(st.integers(0, 5))
    state = draw(st.sampled_from(["Open", "Mitigated", "Resolved", "Resolved", "Cancelled"]))
    severity, word = draw(st.sampled_from(["SEV-1", "SEV-2", "SEV-3"])), draw(st.integers(0, 3))
    request = {"reason": f"more hands {word}"} | draw(st.sampled_from([{}, {"toLevel": "second"}]))
    seconds = draw(st.sampled_from([20, 600, 7200]))
    acts: list[Named] = [
        Named(f"{user} acknowledges", lambda w: acknowledge(w, user)),
        Named(f"{user} acknowledges page {place}", lambda w: acknowledge(w, user, place)),
        Named(f"{user} withdraws", lambda w: withdraw(w, user)),
        Named(f"state {state} {word}", lambda w: w.change(state=state, stateReason=f"because {word}")),
        Named(f"severity {severity}", lambda w: w.change(severity=severity)),
        Named(f"request {request}", lambda w: wish(w, request=request)),
        Named("adopt", lambda w: wish(w, adoptPolicy=None if w.status.acts.adopt else True)),
        Named(f"snooze {seconds}", lambda w: wish(w, snoozeUntilTime=_later(w, seconds))),
        Named("snooze off", lambda w: wish(w, snoozeUntilTime=None)),
        Named("update", post),
    ]
    return draw(st.sampled_from(acts))


def _later(world: Simulation, seconds: int) -> str:
    return (world.now + timedelta(seconds=seconds)).isoformat()


@st.composite
def vendor(draw: st.DrawFn) -> Named:
    """A connection begins to answer in another way."""
    name, given = draw(st.sampled_from(CONNECTIONS)), draw(st.sampled_from(ANSWERS))
    return Named(f"{name} answers {given.result}", lambda world: world.answers.update({name: given}))


@st.composite
def trouble(draw: st.DrawFn) -> Named:
    """The operator's process ends, or the world changes under it."""
    cut, edited, lost = draw(st.sampled_from(Cut)), draw(policies), draw(st.sampled_from(CONNECTIONS[:2]))
    troubles: list[Named] = [
        Named("taken over", lambda w: w.start()),
        Named(f"cut {cut}", lambda w: crash(w, cut)),
        Named("policy edited", lambda w: w.alter(policies={"primary": edited})),
        Named("policy deleted", lambda w: w.alter(policies={})),
        Named("class appears", lambda w: w.alter(incident_class=incident_class())),
        Named(f"{lost} deleted", lambda w: without(w, lost)),
        Named("blind", lambda w: w.lose_sight()),
        Named("sees again", lambda w: w.see_again()),
    ]
    return draw(st.sampled_from(troubles))


def crash(world: Simulation, cut: Cut, down: int = 0, meanwhile: Op = lambda world: None) -> None:
    """The process ends in the next thing that it does; then people act, and after some seconds another begins."""
    world.cut = cut
    world.advance(timedelta(seconds=1800))
    world.kill()
    meanwhile(world)
    world.advance(timedelta(seconds=down))
    world.start()


def without(world: Simulation, name: str) -> None:
    """A connection is deleted."""
    world.alter(connections={k: v for k, v in world.observation.connections.items() if k.name != name})


steps = st.one_of(waiting(), waiting(), act(), act(), vendor(), trouble())
steps_without_crashes = st.one_of(waiting(), waiting(), act(), vendor())
calm_steps = st.one_of(waiting(), act())
quiet_steps = st.one_of(waiting(), waiting(), act(), vendor(), trouble())


@st.composite
def programs(
    draw: st.DrawFn,
    modes: tuple[str, ...] = ("Live",),
    step: st.SearchStrategy[Named] = steps,
    answers: tuple[Answer, ...] = ANSWERS,
    timeouts: tuple[dict[str, Any], ...] = TIMEOUTS,
    most: int = 9,
) -> Program:
    """A program of a few steps; in the beginning two in three connections fail, of the last ones one in three."""
    answer = st.sampled_from(answers)
    given = {name: draw(answer) for name in CONNECTIONS[:2] if draw(st.integers(0, 2))}
    given |= {name: draw(answer) for name in CONNECTIONS[2:] if not draw(st.integers(0, 2))}
    return Program(
        draw(givens(modes, timeouts)), given, tuple(draw(st.lists(step, min_size=3, max_size=most)))
    )
