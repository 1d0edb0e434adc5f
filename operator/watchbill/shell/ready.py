"""Keeps `Ready` of what Git owns, and a policy's preview: looks, judges, writes what changed."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from pydantic import ValidationError

from watchbill.api.condition import Condition, find, following
from watchbill.api.connection import Connection, ConnectionSpec
from watchbill.api.escalation_policy import MAX_PREVIEW, EscalationPolicy, GitOwnedStatus
from watchbill.api.incident_class import IncidentClass
from watchbill.api.incident_update import IncidentUpdate
from watchbill.api.model import ObjectMeta
from watchbill.api.reasons import READY
from watchbill.api.runbook import Runbook
from watchbill.core import readiness
from watchbill.core.effects import ConnectionKey
from watchbill.core.preview import previewed
from watchbill.core.readiness import SecretState
from watchbill.core.references import Reference, connection_references, references
from watchbill.core.runs.readiness import runbook_condition
from watchbill.shell.cache import ObjectKey, Raw
from watchbill.shell.dependants import Objects, default_classes
from watchbill.shell.egress import Egress
from watchbill.shell.kube import Conflict, NotFound
from watchbill.shell.paths import path_of
from watchbill.shell.reachable import Reachable
from watchbill.shell.secrets import SecretProblem
from watchbill.shell.web import host_of

SECRET_RETRY = timedelta(seconds=3)
"""How soon a Secret that could not be used is read again: it must heal within 5 s."""

SECRET_RECHECK = timedelta(seconds=60)
"""How soon a good Secret is read again at the earliest, so that its loss shows before a page needs it."""

SECRET_PACE = timedelta(seconds=10)
"""How far apart good Secrets are read again where there are many: a thousand would be 17 reads a second."""

HOST_RECHECK = timedelta(seconds=60)
"""How soon a host is asked for again that may not be reached, or whose name has no address."""

SECRET_OLDEST = timedelta(hours=1)
"""How soon a good Secret is read again at the latest; a page reads it in any case."""

Model = Connection | EscalationPolicy | IncidentClass | IncidentUpdate | Runbook

MODELS: Mapping[str, type[Model]] = {
    model.kind_name: model for model in (Connection, EscalationPolicy, IncidentClass, IncidentUpdate, Runbook)
}
"""The kinds that have Ready."""


class Secrets(Protocol):
    """Reads Secrets."""

    async def read(self, namespace: str, name: str, key: str) -> str:
        """The value under a key; raises SecretProblem where there is none that may be read."""
        ...

    def invalidate(self, namespace: str, name: str) -> None:
        """Have the Secret read again at its next use."""
        ...


class Hosts(Protocol):
    """Knows which hosts may be reached."""

    async def refusal(self, host: str) -> str | None:
        """Why a host may not be reached, empty where it may, None where nobody can tell now."""
        ...


PatchStatus = Callable[[str, dict[str, Any]], Awaitable[object]]
"""Merges a body into the status of the object at a path, as `Kube.patch_status` does."""


@dataclass(frozen=True)
class Judgment:
    """What is so of an object."""

    ready: Condition
    again: timedelta | None = None
    """How soon to look again though no object of ours changes; None means never."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the status, as JSON; None for one that is to be absent."""


@dataclass(frozen=True)
class ReadyKeeper:
    """Brings the status of one object up to date whenever it is asked to."""

    cache: Objects
    secrets: Secrets
    patch_status: PatchStatus
    now: Callable[[], datetime]
    hosts: Hosts = field(default_factory=lambda: Reachable(Egress()))

    async def reconcile(self, kind: str, namespace: str, name: str) -> timedelta | None:
        """How soon to look again though no object of ours changes; None means never.

        Writes once where the status changed, and nothing otherwise. Raises KubeError where the API server
        does not answer: nothing is known then, and it must be tried again.
        """
        raw = self.cache.get(kind, namespace, name)
        if raw is None or kind not in MODELS or "deletionTimestamp" in raw["metadata"]:
            return None
        now = self.now()
        try:
            model = MODELS[kind].model_validate(raw)
        except ValidationError as error:
            metadata = ObjectMeta.model_validate(raw["metadata"])
            judgment = Judgment(readiness.invalid_condition(metadata, error, now), fields={"preview": None})
        else:
            judgment = await self._judge(model, now)
        change = status_change(raw, judgment, now)
        if change is not None:
            # Gone or changed meanwhile: an event tells of it and leads here again.
            with suppress(Conflict, NotFound):
                await self.patch_status(path_of(kind, namespace, name), change)
        return judgment.again

    async def _judge(self, model: Model, now: datetime) -> Judgment:
        match model:
            case Connection():
                return await self._judge_connection(model, now)
            case EscalationPolicy():
                connections = self._connections(model)
                pages = [page.to_json() for page in previewed(model, connections, now)[:MAX_PREVIEW]]
                ready = readiness.policy_condition(model, connections, now)
                return Judgment(ready, fields={"preview": pages or None})
            case IncidentClass():
                connections, policies = self._connections(model), self._policies(model)
                defaults = default_classes(self.cache)
                return Judgment(readiness.class_condition(model, policies, connections, defaults, now))
            case IncidentUpdate():
                (reference,) = references(model)
                incident = ObjectKey(reference.kind, reference.namespace, reference.name)
                exists = self.cache.version(incident) is not None
                return Judgment(readiness.update_condition(model, exists, now))
            case Runbook():
                return Judgment(runbook_condition(model, now))

    async def _judge_connection(self, connection: Connection, now: datetime) -> Judgment:
        states: dict[tuple[str, str], SecretState] = {}
        urls = connection.spec.urls
        for reference in connection_references(connection):
            state, value = await self._secret_state(reference)
            states[reference.name, reference.key] = state
            if state.usable and reference.path.endswith(".urlSecretRef"):
                urls[reference.path.removeprefix("spec.")] = value
        hosts = {path: host_of(url) for path, url in urls.items()}
        if connection.spec.smtp is not None:
            hosts["smtp.host"] = connection.spec.smtp.host
        said = {path: await self.hosts.refusal(host) for path, host in hosts.items() if host}
        refusals = {path: refusal for path, refusal in said.items() if refusal}
        ready = readiness.connection_condition(connection, states, now, refusals)
        count = sum(1 for _ in self.cache.list("Connection"))
        again = [
            recheck(states.values(), count),
            HOST_RECHECK if any(each != "" for each in said.values()) else None,
        ]
        return Judgment(ready, min((each for each in again if each is not None), default=None))

    async def _secret_state(self, reference: Reference) -> tuple[SecretState, str]:
        """How it went to read a Secret, and the value; empty where there is none."""
        value = ""
        try:
            value = await self.secrets.read(reference.namespace, reference.name, reference.key)
        except SecretProblem as problem:
            state = SecretState(problem.reason, problem.message)
        else:
            state = readiness.secret_state(reference, value)
        if not state.usable:
            # What was read is held for a while, and would hide that somebody has mended it.
            self.secrets.invalidate(reference.namespace, reference.name)
        return state, value

    def _found(self, reference: Reference) -> Raw | None:
        return self.cache.get(reference.kind, reference.namespace, reference.name)

    def _connections(self, model: Model) -> dict[ConnectionKey, ConnectionSpec]:
        """The connections among what the model names; one that cannot be read grants and does nothing."""
        found = {}
        for reference in references(model):
            raw = self._found(reference)
            if reference.kind == "Connection" and raw is not None:
                found[ConnectionKey(reference.namespace, reference.name)] = _connection_spec(raw)
        return found

    def _policies(self, model: Model) -> dict[tuple[str, str], EscalationPolicy]:
        found = {}
        for reference in references(model):
            raw = self._found(reference)
            if reference.kind == "EscalationPolicy" and raw is not None:
                with suppress(ValidationError):
                    found[reference.namespace, reference.name] = EscalationPolicy.model_validate(raw)
        return found


def recheck(states: Iterable[SecretState], connections: int) -> timedelta | None:
    """How soon a Connection's Secrets are read again: soon where one cannot be used, never where it has none.

    Good ones wait for their turn among so many connections, a minute at least and an hour at most.
    """
    turn = min(max(SECRET_RECHECK, SECRET_PACE * connections), SECRET_OLDEST)
    return min((turn if state.usable else SECRET_RETRY for state in states), default=None)


def status_change(raw: Raw, judgment: Judgment, now: datetime) -> dict[str, Any] | None:
    """The merge patch that records a judgment in an object's status, or None where it says so already.

    The resourceVersion fences it: a judgment of an older object is refused, and the newer one's event
    leads to another. Conditions of other types stay.
    """
    try:
        old = GitOwnedStatus.model_validate(raw.get("status") or {})
    except ValidationError:
        old = GitOwnedStatus()
    (followed,) = following(old.conditions, (judgment.ready,), now)
    generation = judgment.ready.observed_generation
    status = raw.get("status") or {}
    fields = {name: value for name, value in judgment.fields.items() if status.get(name) != value}
    if find(old.conditions, READY) == followed and old.observed_generation == generation and not fields:
        return None
    others = [each for each in old.conditions if each.type != READY]
    return {
        "metadata": {"resourceVersion": raw["metadata"]["resourceVersion"]},
        "status": {
            "conditions": [each.to_json() for each in (*others, followed)],
            "observedGeneration": generation,
            **fields,
        },
    }


def _connection_spec(raw: Raw) -> ConnectionSpec:
    try:
        return Connection.model_validate(raw).spec
    except ValidationError:
        return ConnectionSpec()
