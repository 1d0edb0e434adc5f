"""What an object refers to, and who may refer to whom."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from watchbill.api.connection import VENDORS, AllowedNamespaces, Connection
from watchbill.api.escalation_policy import ConnectionRef, EscalationPolicy, Target
from watchbill.api.incident import Incident
from watchbill.api.incident_class import ChannelTemplate, IncidentClass
from watchbill.api.incident_update import IncidentUpdate

CHAT_VENDORS = frozenset({"slack"})
"""Vendors that make channels and cannot carry a page."""

PAGING_VENDORS = frozenset(VENDORS) - CHAT_VENDORS
"""Vendors that carry pages."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One object that another one names, and the path of the field that names it."""

    path: str
    kind: str
    namespace: str
    """Empty for a cluster-scoped kind."""
    name: str
    key: str = ""
    """The key of a Secret; empty for every other kind."""

    @property
    def place(self) -> tuple[str, str]:
        """The namespace and the name: the same for two references to one object of a kind."""
        return self.namespace, self.name

    def __str__(self) -> str:
        """The kind and where it is, as people write it: `Connection shop/pagerduty`."""
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {place}"


def granted(connection_namespace: str, allowed: AllowedNamespaces | None, referrer_namespace: str) -> bool:
    """Whether a referrer's namespace may use a connection; its own always may (DESIGN §7)."""
    if referrer_namespace == connection_namespace:
        return True
    if allowed is None or allowed.from_ == "Same":
        return False
    return allowed.from_ == "All" or referrer_namespace in (allowed.names or ())


def ungranted(kind: str, place: Iterable[str], referrer_namespace: str) -> str:
    """What to do where an object of another namespace is not granted, or is not there.

    The same words for both: a tenant must not learn what there is in a namespace that grants nothing.
    """
    return f"{kind} {'/'.join(place)} must exist and list {referrer_namespace} in its spec.allowedNamespaces"


def class_granted(allowed_classes: Iterable[str], class_name: str) -> bool:
    """Whether a class is among those that may use an object; an empty list grants nobody."""
    return class_name in allowed_classes


def policy_references(policy: EscalationPolicy) -> tuple[Reference, ...]:
    """Every Connection that a policy names, in the order in which it is paged."""
    home = policy.metadata.namespace or ""
    found: list[Reference] = []
    for index, level in enumerate(policy.spec.levels):
        found += _target_references(level.targets, f"spec.levels[{index}]", home)
    found += _target_references(policy.spec.last_resort.targets, "spec.lastResort", home)
    return tuple(found)


def _target_references(targets: tuple[Target, ...], path: str, home: str) -> Iterator[Reference]:
    for index, target in enumerate(targets):
        yield from _ways(target, f"{path}.targets[{index}]", home)


def _ways(target: Target, path: str, home: str) -> Iterator[Reference]:
    """The connection of a target, then its fallbacks."""
    yield _connection_reference(target.connection_ref, f"{path}.connectionRef", home)
    for hop, fallback in enumerate(target.fallback):
        yield _connection_reference(fallback.connection_ref, f"{path}.fallback[{hop}].connectionRef", home)


def _connection_reference(ref: ConnectionRef, path: str, home: str) -> Reference:
    return Reference(path, "Connection", ref.namespace or home, ref.name)


def repeated_connections(policy: EscalationPolicy) -> Iterator[tuple[str, Reference]]:
    """What a list of targets or of fallbacks names in vain, and the path of the list.

    The schema refuses what is spelled alike; only here is a missing namespace known to be the policy's own.
    """
    home = policy.metadata.namespace or ""
    lists = [(f"spec.levels[{index}]", level.targets) for index, level in enumerate(policy.spec.levels)]
    for path, targets in [*lists, ("spec.lastResort", policy.spec.last_resort.targets)]:
        seen: set[tuple[str, str]] = set()
        for index, target in enumerate(targets):
            here = f"{path}.targets[{index}]"
            own, *fallbacks = _ways(target, here, home)
            if own.place in seen:
                yield f"{path}.targets", own
            seen.add(own.place)
            yield from ((f"{here}.fallback", each) for each in fallbacks if each.place == own.place)


def class_references(incident_class: IncidentClass) -> tuple[Reference, ...]:
    """The policy and the chat Connections that a class names.

    A severity's `policyName` is not among them: it is looked up in the namespace of each incident.
    """
    policy = incident_class.spec.default_escalation.policy_ref
    found = [Reference("spec.defaultEscalation.policyRef", "EscalationPolicy", policy.namespace, policy.name)]
    for path, channel in class_channels(incident_class):
        ref = channel.connection_ref
        found.append(Reference(f"{path}.connectionRef", "Connection", ref.namespace, ref.name))
    return tuple(found)


def class_channels(incident_class: IncidentClass) -> Iterator[tuple[str, ChannelTemplate]]:
    """The channel of each severity that asks for one, and the path of the field."""
    for index, severity in enumerate(incident_class.spec.severities):
        if severity.response is not None and severity.response.channel is not None:
            yield f"spec.severities[{index}].response.channel", severity.response.channel


def connection_references(connection: Connection) -> tuple[Reference, ...]:
    """The Secret keys that a connection names."""
    home = connection.metadata.namespace or ""
    return tuple(
        Reference(f"spec.{path}", "Secret", home, ref.name, ref.key)
        for path, ref in connection.spec.secret_refs.items()
    )


def incident_references(incident: Incident) -> tuple[Reference, ...]:
    """The class that an incident names; none where it takes the default."""
    ref = incident.spec.class_ref
    return () if ref is None else (Reference("spec.classRef", "IncidentClass", "", ref.name),)


def update_references(update: IncidentUpdate) -> tuple[Reference, ...]:
    """The incident that an update is about."""
    home = update.metadata.namespace or ""
    return (Reference("spec.incidentRef", "Incident", home, update.spec.incident_ref.name),)


REFERENCES: Mapping[type, Callable[[Any], tuple[Reference, ...]]] = {
    Connection: connection_references,
    EscalationPolicy: policy_references,
    Incident: incident_references,
    IncidentClass: class_references,
    IncidentUpdate: update_references,
}
"""Each kind's references; a kind that is not here refers to nothing."""


def references(model: object) -> tuple[Reference, ...]:
    """Every reference of an object of ours, in the order of its fields."""
    list_references = REFERENCES.get(type(model))
    return () if list_references is None else list_references(model)
