"""Objects for tests, each a sentence: an incident, its class, its policy, what is seen of them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from watchbill.api.durations import parse_duration
from watchbill.api.escalation_policy import EscalationPolicy
from watchbill.api.incident import Incident
from watchbill.api.incident_class import IncidentClass
from watchbill.api.incident_status import IncidentStatus
from watchbill.core.effects import ConnectionKey
from watchbill.core.observation import ConnectionFacts, Observation

T0 = datetime(2026, 3, 9, 3, 0, tzinfo=UTC)
"""When stories begin."""

UID = "0d6f2f1c-7c7e-4a53-9a7e-000000000001"


def at(text: str) -> datetime:
    """The moment this many seconds or minutes after the beginning: `+5m`, `+90s`, `+1m30s`."""
    return T0 + (parse_duration(text.removeprefix("+")) if text != "+0s" else timedelta(0))


def incident(severity: str = "SEV-1", status: IncidentStatus | None = None, **spec: Any) -> Incident:
    """An incident of namespace shop, declared by ana, as the API server would return it."""
    body = {"title": "Checkout returns 500", "severity": severity, "setBy": {"declaration": "ana"}} | spec
    found = Incident.model_validate(
        {
            "metadata": {
                "name": "checkout-500s",
                "namespace": "shop",
                "uid": UID,
                "generation": 1,
                "creationTimestamp": T0.isoformat(),
            },
            "spec": body,
        }
    )
    return found.model_copy(update={"status": status or IncidentStatus()})


def incident_class(**changes: Any) -> IncidentClass:
    """The default class with three severities, all with policy primary."""
    rows = [
        {
            "name": f"SEV-{rank}",
            "rank": rank,
            "acknowledgeWithin": within,
            "updateEvery": every,
            "escalation": {"policyName": "primary"},
            "roles": [{"name": "commander", "from": {"type": "FirstAcknowledger"}}],
            "postmortem": {"policy": "Required" if rank < 3 else "Optional"},
        }
        | changes
        for rank, within, every in ((1, "5m", "15m"), (2, "15m", "30m"), (3, "1h", "2h"))
    ]
    return IncidentClass.model_validate(
        {
            "metadata": {"name": "service", "uid": "class-uid"},
            "spec": {
                "severities": rows,
                "defaultEscalation": {"policyRef": {"name": "all-hands", "namespace": "incident-platform"}},
            },
        }
    )


def target(name: str, *fallback: str) -> dict[str, Any]:
    """A target through a connection, with fallbacks."""
    others = [{"connectionRef": {"name": other}} for other in fallback]
    return {"connectionRef": {"name": name}} | ({"fallback": others} if others else {})


def policy(
    *levels: tuple[str, str, list[dict[str, Any]]],
    times: int = 0,
    last_resort: str = "backup",
    name: str = "primary",
    namespace: str = "shop",
) -> EscalationPolicy:
    """A policy of (name, escalateAfter, targets) levels; by default primary then secondary, 5 min each."""
    found = levels or (
        ("primary", "5m", [target("pagerduty", "backup")]),
        ("secondary", "5m", [target("backup")]),
    )
    return EscalationPolicy.model_validate(
        {
            "metadata": {"name": name, "namespace": namespace, "uid": f"policy-{name}"},
            "spec": {
                "levels": [
                    {"name": level, "escalateAfter": after, "targets": targets}
                    for level, after, targets in found
                ],
                "repeat": {"times": times},
                "lastResort": {"targets": [target(last_resort)]},
            },
        }
    )


KEYED = ConnectionFacts(uid="uid-keyed")
"""What is known of a connection with keys, such as PagerDuty."""

UNKEYED = ConnectionFacts(uid="uid-unkeyed", unkeyed=True)
"""What is known of a connection without keys, such as a webhook."""


def connections(**facts: ConnectionFacts) -> Mapping[ConnectionKey, ConnectionFacts]:
    """Connections of namespace shop by name, each with a UID of its own; pagerduty and backup by default."""
    found = {"pagerduty": KEYED, "backup": UNKEYED} | facts
    return {ConnectionKey("shop", name): replace(fact, uid=f"uid-{name}") for name, fact in found.items()}


def observation(seen: Incident | None = None, **changes: Any) -> Observation:
    """What is seen of an incident with its class, the policy primary, and two connections."""
    default = policy(
        ("duty-manager", "5m", [target("all-hands")]),
        last_resort="all-hands",
        name="all-hands",
        namespace="incident-platform",
    )
    everything: dict[str, Any] = {
        "incident": seen or incident(),
        "incident_class": incident_class(),
        "policies": {"primary": policy()},
        "default_policy": default,
        "connections": {
            **connections(),
            ConnectionKey("incident-platform", "all-hands"): replace(UNKEYED, uid="uid-all-hands"),
        },
        "holder": "operator-1",
    }
    return Observation(**(everything | changes))


def seeing(before: Observation, status: IncidentStatus | None = None, **spec: Any) -> Observation:
    """The observation after its status was written, or people changed these fields of the spec."""
    old = before.incident
    body = old.spec.model_dump(by_alias=True, mode="json", exclude_none=True) | spec
    body = {name: value for name, value in body.items() if value is not None}
    metadata = old.metadata.model_copy(update={"generation": old.metadata.generation + (1 if spec else 0)})
    changed = Incident.model_validate({"spec": body}).model_copy(
        update={"metadata": metadata, "status": status if status is not None else old.status}
    )
    return replace(before, incident=changed)
