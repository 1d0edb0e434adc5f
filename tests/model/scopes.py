"""What is explored: which incidents there are, how long, and how much may go wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.model.states import Faults, Spec
from tests.support.builders import connections, incident, incident_class, observation, policy, seeing, target
from watchbill.core.effects import ConnectionKey
from watchbill.core.observation import ConnectionFacts, Observation

LEVELS = ("one", "two", "three")
EVERY = 300
"""Seconds from the opening of a level to that of the next."""

TIMEOUT = 240
"""Seconds after which an acknowledgement is over."""

TARGETS: Mapping[str, tuple[str, ...]] = {
    "one": ("pagerduty",),
    "two": ("backup",),
    "three": ("pagerduty", "backup"),
}
"""Which connections are paged at each level; pagerduty knows keys, and backup does not."""

QUIET: Mapping[str, Any] = {"updateEvery": "24h", "acknowledgeWithin": "24h"}
"""No deadline but those that page somebody."""

MINUTE = 60
NOTHING = Faults()
NEW = Spec()

CHAT = ConnectionKey("incident-platform", "slack")


@dataclass(frozen=True)
class Scope:
    """One bounded world."""

    given: tuple[Observation, ...]
    """Each incident as it was created, with what is around it."""
    faults: Faults
    horizon: int
    """Seconds after which nothing new begins: from then on somebody says that it is over."""
    born: Spec = NEW
    """What was written when the incidents were created."""
    levels: tuple[str, ...] = ()
    """The levels that must be paged."""
    moments: frozenset[int] = frozenset()
    """When another incident, of which nothing else is seen here, may have something to do."""
    forgets: bool = False
    """Whether a process may also die with the only word of a page that arrived after its end was told."""


def pages(
    levels: int = 3, faults: Faults = NOTHING, horizon: int = 0, count: int = 1, forgets: bool = False
) -> Scope:
    """Incidents with this many levels, which ana may take, and has for four minutes then."""
    names = LEVELS[:levels]
    walked = policy(*((name, "5m", [target(c) for c in TARGETS[name]]) for name in names))
    matrix = incident_class(acknowledgementTimeout=f"{TIMEOUT}s", **QUIET)
    given = observation(incident_class=matrix, policies={"primary": walked}, connections=connections())
    horizon = horizon or (levels - 1) * EVERY + MINUTE
    return Scope(_several(given, count), faults, horizon, levels=names, forgets=forgets)


def rooms(faults: Faults = NOTHING, count: int = 2) -> Scope:
    """Incidents that want a room of the same name each; ana has them all along, so nobody is paged."""
    template = {"connectionRef": CHAT._asdict(), "nameTemplate": "room"}
    chat = ConnectionFacts("uid-slack", allowed_classes=("service",), pages=False, channels=True)
    matrix = incident_class(
        response={"channel": template}, postmortem={"policy": "Optional"}, reopenWindow="1h", **QUIET
    )
    given = observation(
        incident_class=matrix,
        policies={"primary": policy(("one", "5m", [target("backup")]))},
        connections={**connections(), CHAT: chat},
    )
    return Scope(_several(given, count), faults, MINUTE, born=Spec(acknowledged=0))


def _several(given: Observation, count: int) -> tuple[Observation, ...]:
    found = []
    for number in range(count):
        seen = incident()
        metadata = seen.metadata.model_copy(
            update={"name": f"checkout-{number}", "uid": f"{number}d6f2f1c-7c7e-4a53-9a7e-000000000001"}
        )
        found.append(replace(given, incident=seen.model_copy(update={"metadata": metadata})))
    return tuple(found)


def written(given: Observation, spec: Spec) -> Observation:
    """The observation after people wrote this."""
    changes: dict[str, Any] = {}
    if spec.acknowledged is not None:
        changes["acknowledgedBy"] = {"ana": {}}
    if spec.over:
        changes |= {"state": "Resolved", "stateReason": "over"}
    seen = seeing(given, **changes)
    metadata = seen.incident.metadata.model_copy(update={"generation": spec.generation})
    return replace(seen, incident=seen.incident.model_copy(update={"metadata": metadata}))
