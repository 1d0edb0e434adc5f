"""The condition `Ready`: an object is valid, and all that it names exists and may be used.

Messages name the field by its path and say what to do. They hold nothing that a Secret holds, and do not
tell whether an object exists in a namespace that has not granted its use.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from pydantic import ValidationError

from watchbill.api.condition import Condition, ConditionStatus
from watchbill.api.connection import VENDORS, Connection, ConnectionSpec
from watchbill.api.escalation_policy import EscalationPolicy, EscalationPolicySpec
from watchbill.api.group import DEFAULT_CLASS_ANNOTATION
from watchbill.api.incident_class import IncidentClass
from watchbill.api.incident_update import IncidentUpdate
from watchbill.api.model import ObjectMeta, is_url
from watchbill.api.reasons import READY, Reason
from watchbill.core.effects import ConnectionKey
from watchbill.core.references import (
    CHAT_VENDORS,
    PAGING_VENDORS,
    Reference,
    class_channels,
    class_granted,
    class_references,
    connection_references,
    granted,
    policy_references,
    repeated_connections,
    ungranted,
    update_references,
)
from watchbill.core.suspension import suspension

MESSAGE_LENGTH = 1024
"""The longest message that `Condition` holds, in characters."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why an object is not ready: where, what is wrong, and what to do."""

    reason: Reason
    path: str
    message: str

    def __str__(self) -> str:
        """The path and the message, as people read them."""
        return f"{self.path}: {self.message}"


@dataclass(frozen=True, slots=True)
class SecretState:
    """How it went to read one key of a Secret."""

    reason: Reason = Reason.RESOLVED_REFS
    """ResolvedRefs where the value was found and can be used."""
    message: str = ""
    """What is wrong and what to do."""

    @property
    def usable(self) -> bool:
        """Whether there is a value that can be used."""
        return self.reason is Reason.RESOLVED_REFS


def secret_state(reference: Reference, value: str) -> SecretState:
    """How a value that was read suits the field that names it; a `urlSecretRef` must hold a URL."""
    place = f"key {reference.key} of {reference}"
    if not value.strip():
        return SecretState(Reason.SECRET_KEY_MISSING, f"{place} is empty; give it a value")
    if reference.path.endswith(".urlSecretRef") and not is_url(value.strip()):
        text = f"{place} is not an http or https URL such as https://example.com/hook"
        return SecretState(Reason.INVALID_URL, text)
    return SecretState()


def policy_problems(
    policy: EscalationPolicy, connections: Mapping[ConnectionKey, ConnectionSpec]
) -> Iterator[Problem]:
    """What keeps a policy from paging as it says: each connection must exist, be granted, and page once."""
    home = policy.metadata.namespace or ""
    for reference in policy_references(policy):
        spec = connections.get(ConnectionKey(reference.namespace, reference.name))
        foreign = reference.namespace != home
        if foreign and (spec is None or not granted(reference.namespace, spec.allowed_namespaces, home)):
            text = f"{ungranted(reference.kind, reference.place, home)}; ask who owns it"
            yield Problem(Reason.REF_NOT_PERMITTED, reference.path, text)
        elif spec is None:
            yield _missing(reference)
        elif spec.vendor not in PAGING_VENDORS:
            text = f"{reference} {_vendor(spec)}, which cannot page; name one that can"
            yield Problem(Reason.INVALID_SPEC, reference.path, text)
    for path, reference in repeated_connections(policy):
        text = f"{reference} is paged already and is not paged twice; name another or leave it out"
        yield Problem(Reason.INVALID_SPEC, path, text)


def policy_condition(
    policy: EscalationPolicy, connections: Mapping[ConnectionKey, ConnectionSpec], now: datetime
) -> Condition:
    """Ready of a policy, given the connections that exist."""
    problems = policy_problems(policy, connections)
    return ready(policy.metadata, problems, now, suspended=suspension(policy))


def class_problems(
    incident_class: IncidentClass,
    policies: Mapping[tuple[str, str], EscalationPolicy],
    connections: Mapping[ConnectionKey, ConnectionSpec],
    defaults: Iterable[str],
) -> Iterator[Problem]:
    """What keeps a class from being used as it says; `policies` are keyed by (namespace, name).

    `defaults` names every class that is marked as the default, be this one among them or not.
    """
    name = incident_class.metadata.name
    others = sorted(set(defaults) - {name})
    if others and is_default(incident_class.metadata.annotations):
        text = (
            f"IncidentClass {', '.join(others)} is the default too; remove {DEFAULT_CLASS_ANNOTATION} from "
        )
        text += "one of them" if len(others) == 1 else "all but one"
        yield Problem(Reason.SECOND_DEFAULT, "metadata.annotations", text)
    yield from _template_problems(incident_class)
    for reference in class_references(incident_class):
        key = ConnectionKey(reference.namespace, reference.name)
        connection = connections.get(key) if reference.kind == "Connection" else None
        target = connection if reference.kind == "Connection" else _spec(policies.get(key))
        if target is None:
            yield _missing(reference)
        elif not class_granted(target.allowed_classes, name):
            text = f"{reference} must list {name} in its spec.allowedClasses"
            yield Problem(Reason.REF_NOT_PERMITTED, reference.path, text)
        elif connection is not None and connection.vendor not in CHAT_VENDORS:
            text = f"{reference} {_vendor(connection)}, which makes no channels"
            yield Problem(Reason.INVALID_SPEC, reference.path, text)


def _template_problems(incident_class: IncidentClass) -> Iterator[Problem]:
    for path, channel in class_channels(incident_class):
        from watchbill.core.templates import template_problem  # noqa: PLC0415 - few need jinja2

        if wrong := template_problem(channel.name_template):
            yield Problem(Reason.INVALID_SPEC, f"{path}.nameTemplate", wrong)


def is_default(annotations: Mapping[str, str]) -> bool:
    """Whether a class with these annotations is that of the incidents that name none."""
    return annotations.get(DEFAULT_CLASS_ANNOTATION) == "true"


def class_condition(
    incident_class: IncidentClass,
    policies: Mapping[tuple[str, str], EscalationPolicy],
    connections: Mapping[ConnectionKey, ConnectionSpec],
    defaults: Iterable[str],
    now: datetime,
) -> Condition:
    """Ready of a class, given what exists: policies by (namespace, name), connections, default classes."""
    problems = class_problems(incident_class, policies, connections, defaults)
    ref = incident_class.spec.default_escalation.policy_ref
    default = policies.get((ref.namespace, ref.name))
    note = suspension(default) if default is not None else ""
    return ready(incident_class.metadata, problems, now, note and f"its default policy is {note}")


def connection_problems(
    connection: Connection,
    secrets: Mapping[tuple[str, str], SecretState],
    refusals: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Problem]:
    """What keeps a connection from being used; `secrets` are keyed by (name, key).

    `refusals` tell why the host may not be reached that a field under `spec` names.
    """
    if not connection.spec.vendor:
        yield Problem(Reason.INVALID_SPEC, "spec", f"set one of {', '.join(VENDORS)}")
    for path, url in connection.spec.urls.items():
        if not is_url(url):
            text = "is not an http or https URL that a request can go to; mind the port"
            yield Problem(Reason.INVALID_URL, f"spec.{path}", text)
    for reference in connection_references(connection):
        unread = SecretState(Reason.SECRET_NOT_FOUND, f"{reference} does not exist; create it")
        state = secrets.get((reference.name, reference.key), unread)
        if not state.usable:
            yield Problem(state.reason, reference.path, state.message)
    for path, refusal in refusals.items():
        yield Problem(Reason.EGRESS_DENIED, f"spec.{path}", f"{refusal}, or to egress.allow of the chart")


def connection_condition(
    connection: Connection,
    secrets: Mapping[tuple[str, str], SecretState],
    now: datetime,
    refusals: Mapping[str, str] = MappingProxyType({}),
) -> Condition:
    """Ready of a connection, given what `connection_problems` asks for."""
    note = "pages through it are only written down: it wakes nobody" if connection.spec.console else ""
    return ready(connection.metadata, connection_problems(connection, secrets, refusals), now, note)


def update_condition(update: IncidentUpdate, incident_exists: bool, now: datetime) -> Condition:
    """Ready of an update: posted, where its incident exists."""
    if incident_exists:
        return _condition(update.metadata, "True", Reason.POSTED, "posted", now)
    missing = [_missing(reference, Reason.INCIDENT_NOT_FOUND) for reference in update_references(update)]
    return ready(update.metadata, missing, now)


def invalid_condition(metadata: ObjectMeta, error: ValidationError, now: datetime) -> Condition:
    """Ready of an object whose spec cannot be read, as an older schema or none may have let it in."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    places = [fault["loc"] for fault in faults]
    problems = [
        Problem(Reason.INVALID_SPEC, field_path(fault["loc"]), fault["msg"])
        for fault in faults
        # A list with a bad item also counts as too short.
        if not any(other[: len(fault["loc"])] == fault["loc"] != other for other in places)
    ]
    return ready(metadata, problems, now)


def field_path(steps: Iterable[str | int]) -> str:
    """The path of a field as people write it: `spec.levels[0].name`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")


def _spec(policy: EscalationPolicy | None) -> EscalationPolicySpec | None:
    return None if policy is None else policy.spec


def _vendor(spec: ConnectionSpec) -> str:
    return f"is a {spec.vendor} connection" if spec.vendor else "has no vendor that this version knows"


def _missing(reference: Reference, reason: Reason = Reason.REF_NOT_FOUND) -> Problem:
    return Problem(reason, reference.path, f"{reference} does not exist; create it or name another")


def ready(
    metadata: ObjectMeta, problems: Iterable[Problem], now: datetime, note: str = "", suspended: str = ""
) -> Condition:
    """False with the first problem and the number of the others, else True with the note.

    `suspended` says what the suspension of an object means: it is a wish that is met, and no fault.
    """
    found = list(problems)
    if not found and suspended:
        return _condition(metadata, "True", Reason.SUSPENDED, suspended, now)
    if not found:
        text = "valid, and all that it names exists" + (f"; {note}" if note else "")
        return _condition(metadata, "True", Reason.RESOLVED_REFS, text, now)
    others = f"; and {len(found) - 1} more" if len(found) > 1 else ""
    first = str(found[0])
    if len(first) + len(others) > MESSAGE_LENGTH:
        first = first[: MESSAGE_LENGTH - len(others) - 1] + "…"
    return _condition(metadata, "False", found[0].reason, first + others, now)


def _condition(
    metadata: ObjectMeta, status: ConditionStatus, reason: Reason, message: str, now: datetime
) -> Condition:
    return Condition(
        type=READY,
        status=status,
        reason=reason,
        message=message,
        last_transition_time=now,
        observed_generation=metadata.generation,
    )
