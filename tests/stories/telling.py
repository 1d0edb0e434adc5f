"""How a story is read: who does what, and what must then be seen, each in one sentence.

A page that no sentence expects fails the story.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from tests.support import builders
from tests.support.builders import KEYED, T0, UID, UNKEYED, at, connections, incident_class
from tests.support.consistency import assert_consistent
from tests.support.simulate import Answer, Sent, Simulation
from watchbill.api.condition import find
from watchbill.api.escalation_policy import EscalationPolicy
from watchbill.core.effects import ConnectionKey, SendPage
from watchbill.core.observation import ConnectionFacts, Observation, UpdateFacts
from watchbill.core.outcomes import Result
from watchbill.core.texts import title_line

ANSWERS = {
    "ok": Answer(),
    "503": Answer(Result.RETRY, reason="HTTP503"),
    "429 after 30s": Answer(Result.RETRY, timedelta(seconds=30), "HTTP429"),
    "401": Answer(Result.AUTH, reason="HTTP401"),
    "400": Answer(Result.PERMANENT, reason="HTTP400"),
    "nothing": Answer(Result.UNKNOWN),
}

LEVEL = re.compile(r"(?P<name>\S+) (?:for (?P<after>\S+): )?(?P<targets>.+)")


@dataclass
class Told:
    """A story as far as it has been told."""

    world: Simulation
    edited: EscalationPolicy | None = None
    frozen: str = ""
    """The digest of the policy that was frozen first."""
    unseen: list[Sent] = field(default_factory=list)
    """What was sent and no sentence has spoken of."""

    @property
    def entries(self) -> dict[str, Any]:
        """What `spec.acknowledgedBy` holds."""
        spec = self.world.observation.incident.spec.model_dump(by_alias=True, exclude_none=True)
        return dict(spec["acknowledgedBy"])


def told(story: dict[str, Any]) -> Told:
    """The world at the end of a story; fails where it went otherwise."""
    given = story["given"]
    world = Simulation(beginning(given))
    edited = policy(given["edited policy"]) if "edited policy" in given else None
    so_far = Told(world, edited)
    for moment in story["then"]:
        reach(so_far, at(moment["at"]))
        for sentence in sentences(moment.get("do", [])):
            act(so_far, sentence)
        world.react()
        take_note(so_far)
        for sentence in sentences(moment.get("expect", [])):
            expect(so_far, sentence)
        check_nothing_else(so_far)
    return so_far


def sentences(written: str | list[str]) -> list[str]:
    """One sentence or several."""
    return [written] if isinstance(written, str) else written


def beginning(given: dict[str, Any]) -> Observation:
    """The objects of a story, before anything is decided."""
    kinds = {"keyed": KEYED, "unkeyed": UNKEYED, "console": replace(KEYED, real=False)}
    named = {"pagerduty": "keyed", "backup": "unkeyed"} | given.get("connections", {})
    facts: dict[str, ConnectionFacts] = {name: kinds[kind] for name, kind in named.items()}
    operator = ConnectionKey("watchbill", "operator")
    found = dict(connections(**facts)) | {operator: replace(KEYED, uid="uid-operator")}
    spec = {"mode": given.get("mode", "Live")}
    return builders.observation(
        builders.incident(given.get("severity", "SEV-1"), **spec),
        incident_class=None if given.get("class") == "none" else incident_class(**given.get("class", {})),
        policies={"primary": policy(given["policy"])} if "policy" in given else {},
        default_policy=None,
        connections=found,
        last_resort=operator,
    )


def policy(lines: list[str]) -> EscalationPolicy:
    """A policy from lines: `primary for 5m: pagerduty, else backup`, `3 rounds`, `lastResort backup`."""
    levels, rounds, last = [], 1, "backup"
    for line in lines:
        found = LEVEL.fullmatch(line)
        assert found, line
        if found["name"] == "lastResort":
            last = found["targets"]
        elif found["targets"] == "rounds":
            rounds = int(found["name"])
        else:
            targets = [builders.target(*each.split(", else ")) for each in found["targets"].split(" and ")]
            levels.append((found["name"], found["after"], targets))
    return builders.policy(*levels, times=rounds - 1, last_resort=last)


def reach(so_far: Told, moment: datetime) -> None:
    """Let time pass until a moment, in which everything that happens before it must have been expected."""
    world, just_before = so_far.world, timedelta(milliseconds=1)
    if moment == T0 and world.now == T0:
        return
    assert moment > world.now, f"{moment} is not after {world.now}"
    check_quiet(so_far, moment - just_before)
    world.advance(moment - world.now)


def check_quiet(so_far: Told, until: datetime) -> None:
    """Let time pass in which nobody may be paged."""
    world = so_far.world
    world.advance(until - world.now)
    take_note(so_far)
    check_nothing_else(so_far)


def take_note(so_far: Told) -> None:
    """Look at what was sent, and at whether the status can be as it is."""
    world = so_far.world
    so_far.unseen += world.sent
    world.sent.clear()
    if world.stored.conditions:
        assert_consistent(world.stored, UID)


def check_nothing_else(so_far: Told) -> None:
    """No page was sent that no sentence has spoken of; what else is told to the outside may stay unsaid."""
    pages = [sent for sent in so_far.unseen if sent.effect.action == "trigger"]
    so_far.unseen.clear()
    assert pages == [], f"unexpected: {'; '.join(map(words, pages))}"


def words(sent: Sent) -> str:
    """A page as a story says it, with the time since the beginning."""
    return f"at +{sent.time - T0} page {sent.effect.page.level} through {sent.connection}"


# What happens


def act(so_far: Told, sentence: str) -> None:
    """Somebody or something does what the sentence says."""
    for pattern, deed in DEEDS.items():
        found = re.fullmatch(pattern, sentence)
        if found:
            deed(so_far, *found.groups())
            return
    raise AssertionError(f"nobody knows how to do: {sentence}")


def _acknowledges(so_far: Told, user: str, level: str | None) -> None:
    entry = {}
    if level:
        entry["page"] = next(p.id for p in reversed(so_far.world.status.pages) if p.level == level)
    so_far.world.change(acknowledgedBy=so_far.entries | {user: entry})


def _withdraws(so_far: Told, user: str) -> None:
    so_far.world.change(acknowledgedBy={u: e for u, e in so_far.entries.items() if u != user})


def _says(so_far: Told, user: str, state: str, reason: str | None) -> None:
    so_far.world.change(state=state, stateReason=reason, setBy=_author(so_far, "state", user))


def _severity(so_far: Told, user: str, severity: str) -> None:
    so_far.world.change(severity=severity, setBy=_author(so_far, "severity", user))


def _wishes(so_far: Told, user: str, **wish: Any) -> None:
    so_far.world.change(escalation=wish, setBy=_author(so_far, "escalation", user))


def _asks(so_far: Told, user: str, level: str | None, reason: str) -> None:
    _wishes(so_far, user, request={"reason": reason} | ({"toLevel": level} if level else {}))


def _author(so_far: Told, what: str, user: str) -> dict[str, str]:
    before = so_far.world.observation.incident.spec.set_by
    return (before.model_dump(by_alias=True, exclude_none=True) if before else {}) | {what: user}


def _posts(so_far: Told, user: str, phase: str | None) -> None:
    old = so_far.world.observation.updates
    update: Any = UpdateFacts(so_far.world.now, f"update-{len(old) + 1}", user, phase)  # type: ignore[arg-type]  # a story's word
    so_far.world.alter(updates=(*old, update))


def _deleted(so_far: Told, name: str) -> None:
    found = so_far.world.observation.connections
    so_far.world.alter(connections={key: facts for key, facts in found.items() if key.name != name})


def _edited(so_far: Told) -> None:
    assert so_far.edited is not None, "the story has no `edited policy`"
    so_far.world.alter(policies={"primary": so_far.edited})


DEEDS: dict[str, Callable[..., None]] = {
    r"(\w+) acknowledges(?: the page of (\S+))?": _acknowledges,
    r"(\w+) withdraws": _withdraws,
    r"(\w+) says (\w+)(?:: (.+))?": _says,
    r"(\w+) sets severity (\S+)": _severity,
    r"(\w+) asks for (?:the next level|level (\S+)): (.+)": _asks,
    r"(\w+) snoozes until (\S+)": lambda s, who, end: _wishes(s, who, snoozeUntilTime=at(end).isoformat()),
    r"(\w+) ends the snooze": _wishes,
    r"(\w+) adopts the policy": lambda s, who: _wishes(s, who, adoptPolicy=True),
    r"(\w+) posts an update(?: that says (\w+))?": _posts,
    r"the policy is edited": _edited,
    r"the policy is deleted": lambda s: s.world.alter(policies={}),
    r"connection (\S+) is deleted": _deleted,
    r"(\S+) answers (.+)": lambda s, name, answer: s.world.answers.update({name: ANSWERS[answer]}),
    r"the operator is killed": lambda s: s.world.kill(),
    r"the operator starts": lambda s: s.world.start(),
    r"another replica takes over": lambda s: s.world.start(),
    r"the API server is gone": lambda s: s.world.lose_sight(),
    r"the API server is back": lambda s: s.world.see_again(),
}
"""What a story may say that somebody does."""


# What is seen


def expect(so_far: Told, sentence: str) -> None:
    """Fails where what the sentence says is not so."""
    for pattern, check in CHECKS.items():
        found = re.fullmatch(pattern, sentence)
        if found:
            check(so_far, *found.groups())
            return
    raise AssertionError(f"nobody knows how to check: {sentence}")


def _page(so_far: Told, level: str, name: str, saying: str | None) -> None:
    for sent in _matching(so_far, "trigger", name):
        if sent.effect.page.level == level and (not saying or saying in title_line(sent.effect)):
            so_far.unseen.remove(sent)
            return
    seen = "; ".join(words(sent) for sent in so_far.unseen if isinstance(sent.effect, SendPage))
    raise AssertionError(
        f"no such page at {so_far.world.now - T0}: page {level} through {name}; seen: {seen}"
    )


def _is_told(so_far: Told, name: str, what: str) -> None:
    action = {"acknowledged": "acknowledge", "resolved": "resolve"}[what]
    assert any(_matching(so_far, action, name)), f"{name} was not told {what}"


def _matching(so_far: Told, action: str, name: str) -> Iterator[Sent]:
    return (s for s in so_far.unseen if s.effect.action == action and s.connection == name)


def _phase(so_far: Told, phase: str) -> None:
    seen = so_far.world.status.phase
    assert seen == phase, f"the phase is {seen}, not {phase}"


def _condition(so_far: Told, type_: str, status: str, reason: str | None, text: str | None) -> None:
    found = find(so_far.world.status.conditions, type_)
    assert found is not None, f"there is no condition {type_}"
    seen = f"{type_} is {found.status} because {found.reason}: {found.message}"
    assert (found.status, found.reason) == (status, reason or found.reason), seen
    assert (text or "") in found.message, seen


def _timeline(so_far: Told, text: str) -> None:
    entries = [f"{entry.actor}: {entry.text}" for entry in so_far.world.status.timeline]
    assert any(text in entry for entry in entries), f"{text!r} is not in {entries}"


def _event(so_far: Told, reason: str) -> None:
    seen = [event.reason.value for time, event in so_far.world.events if time == so_far.world.now]
    assert reason in seen, f"no event {reason}, but {seen}"


def _holds(so_far: Told, user: str, role: str) -> None:
    seen = {held.name: held.user for held in so_far.world.status.roles}
    assert seen.get(role) == user, f"the roles are {seen}"


def _is(name: str) -> Callable[[Told, str], None]:
    def check(so_far: Told, value: str) -> None:
        status = so_far.world.status
        seen = {"epoch": status.escalation.epoch, "public phase": status.public_phase}
        assert str(seen[name]) == value, f"the {name} is {seen[name]}, not {value}"

    return check


def _is_frozen(so_far: Told, what: str) -> None:
    frozen = so_far.world.status.policy
    assert frozen is not None, "no policy is frozen"
    so_far.frozen = so_far.frozen or frozen.hash
    assert (frozen.hash == so_far.frozen) == (what == "frozen"), f"the frozen policy is {frozen.hash}"


def _deadline(so_far: Told, name: str, moment: str) -> None:
    seen = getattr(so_far.world.status.deadlines, f"{name}_time")
    assert seen == at(moment), f"the {name} deadline is {seen}"


def _quiet(so_far: Told, moment: str) -> None:
    check_nothing_else(so_far)
    check_quiet(so_far, at(moment) - timedelta(milliseconds=1))


CHECKS: dict[str, Callable[..., None]] = {
    r"page (\S+) through (\S+?)(?:, saying (.+))?": _page,
    r"(\S+) is told (acknowledged|resolved)": _is_told,
    r"phase (\w+)": _phase,
    r"(\w+) is (True|False)(?: because (\w+))?(?:, naming (\S+))?": _condition,
    r"epoch (\d+)": _is("epoch"),
    r"public phase (\w+)": _is("public phase"),
    r"(\w+) holds (\S+)": _holds,
    r"the policy is (frozen|another)": _is_frozen,
    r"the timeline says (.+)": _timeline,
    r"event (\w+)": _event,
    r"the (acknowledge|update|acknowledgement_expiry|close) deadline is (\S+)": _deadline,
    r"nothing until (\S+)": _quiet,
    r"nothing": lambda so_far: None,
}
"""What a story may say that is seen."""
