"""Short sentences about a simulated incident: how it begins, what was sent when, what became of it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tests.support.builders import T0, incident, observation
from tests.support.simulate import Answer, Sent, Simulation
from watchbill.api.condition import Condition
from watchbill.api.durations import parse_duration
from watchbill.api.incident_status import FrozenPolicy, Hop, Page
from watchbill.core.decide import decide
from watchbill.core.decision import Decision
from watchbill.core.observation import UpdateFacts
from watchbill.core.outcomes import Result

OK = Answer()
ERROR = Answer(Result.RETRY, reason="HTTP503")
REFUSED = Answer(Result.PERMANENT, reason="HTTP400")
BAD_KEY = Answer(Result.AUTH, reason="HTTP401")
TIMEOUT = Answer(Result.UNKNOWN, reason="Timeout")
"""No answer within the sender's deadline: it may have arrived."""

ACKNOWLEDGED: Mapping[str, Any] = {"acknowledgedBy": {"ana": {}}}
"""What ana writes to take the incident."""


def begun(answers: Any = None, spec: Any = None, **changes: Any) -> Simulation:
    """An incident that was just created and looked at once.

    `answers` are the connections' by name, `spec` is of the incident, `changes` are of the observation.
    """
    found = Simulation(observation(incident(**(spec or {})), **changes), answers=dict(answers or {}))
    found.react()
    return found


def passed(simulation: Simulation, length: str) -> Simulation:
    """The simulation after this time, such as `5m`."""
    simulation.advance(parse_duration(length))
    return simulation


def said(simulation: Simulation, state: str, reason: str = "because", by: str = "ana") -> None:
    """A person says what the state is."""
    simulation.change(state=state, stateReason=reason, setBy={"declaration": "ana", "state": by})


def escalates(simulation: Simulation, reason: str = "help", **request: Any) -> None:
    """Ana asks for a level."""
    wish = {"request": {"reason": reason, **request}}
    simulation.change(escalation=wish, setBy={"declaration": "ana", "escalation": "ana"})


def posted(simulation: Simulation, name: str = "update-1", public_phase: Any = None) -> None:
    """Bo posts an update now."""
    update = UpdateFacts(simulation.now, name, "bo", public_phase)
    simulation.alter(updates=(*simulation.observation.updates, update))


def paged(simulation: Simulation) -> list[tuple[int, str, str]]:
    """(seconds since the beginning, level, connection) of every page that was sent."""
    return [
        (seconds(sent.time), sent.effect.page.level, sent.connection)
        for sent in simulation.sent
        if sent.effect.action == "trigger"
    ]


def told(simulation: Simulation, action: str) -> list[tuple[int, str]]:
    """(seconds since the beginning, key) of every acknowledge or resolve that was sent."""
    return [(seconds(sent.time), sent.key) for sent in simulation.sent if sent.effect.action == action]


def keys(simulation: Simulation, action: str = "trigger") -> list[str]:
    """The keys of what was sent, in order."""
    return [sent.key for sent in simulation.sent if sent.effect.action == action]


def seconds(moment: datetime | None) -> int:
    """Whole seconds since the beginning."""
    assert moment is not None
    return int((moment - T0).total_seconds())


def frozen(simulation: Simulation) -> FrozenPolicy:
    """The policy that is frozen into the incident."""
    assert simulation.status.policy is not None
    return simulation.status.policy


def effect_of(sent: Sent) -> Any:
    """What was sent, of whichever kind."""
    return sent.effect


def phase(simulation: Simulation) -> str:
    """The phase as it is now."""
    return str(simulation.status.phase)


def condition(simulation: Simulation, type_: str) -> Condition:
    """The condition of this type."""
    (found,) = [each for each in simulation.status.conditions if each.type == type_]
    return found


def kinds(simulation: Simulation) -> list[str]:
    """The kinds of the timeline's entries, in order."""
    return [entry.kind for entry in simulation.status.timeline]


def events(simulation: Simulation) -> list[str]:
    """The reasons of the Events, in order."""
    return [str(event.reason) for _, event in simulation.events]


def page_of(simulation: Simulation, level: str) -> Page:
    """The newest page of a level."""
    return [page for page in simulation.status.pages if page.level == level][-1]


def hops(simulation: Simulation) -> list[Hop]:
    """Every hop in the ledger."""
    return [hop for page in simulation.status.pages for hop in page.hops]


def decided(simulation: Simulation, after: timedelta = timedelta(0), **facts: Any) -> Decision:
    """What would be decided on what is stored, a while from now, with these facts seen."""
    seen = simulation.observation
    found = seen.incident.model_copy(update={"status": simulation.stored})
    return decide(replace(seen, **({"incident": found} | facts)), simulation.now + after)
