"""Keeps the condition `Ready` of every kind but Incident: looks, judges, and writes what changed."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

from pydantic import ValidationError

from watchbill.api.condition import Condition, find, following, is_true
from watchbill.api.connection import Connection, ConnectionSpec
from watchbill.api.escalation_policy import EscalationPolicy, GitOwnedStatus
from watchbill.api.group import API_VERSION
from watchbill.api.incident_class import IncidentClass
from watchbill.api.incident_update import IncidentUpdate
from watchbill.api.model import ObjectMeta
from watchbill.api.reasons import READY
from watchbill.core import readiness
from watchbill.core.effects import ConnectionKey
from watchbill.core.readiness import SecretState
from watchbill.core.references import Reference, connection_references, references
from watchbill.shell.secrets import SecretProblem

SECRET_RETRY = timedelta(seconds=3)
"""How soon a Secret that could not be used is read again: it must heal within 5 s."""

SECRET_RECHECK = timedelta(seconds=60)
"""How soon a good Secret is read again, so that its loss shows before a page needs it."""

Raw = Mapping[str, Any]
Model = Connection | EscalationPolicy | IncidentClass | IncidentUpdate

MODELS: Mapping[str, type[Model]] = {
    model.kind_name: model for model in (Connection, EscalationPolicy, IncidentClass, IncidentUpdate)
}
"""The kinds that have Ready."""


class ObjectKey(NamedTuple):
    """Where an object of ours is found; the namespace of a cluster-scoped one is empty."""

    kind: str
    namespace: str
    name: str


class Cache(Protocol):
    """The objects as last seen; synced for every kind before anything here is asked."""

    def get(self, kind: str, namespace: str, name: str) -> Raw | None:
        """The object, or None where there is none."""
        ...

    def list(self, kind: str, namespace: str | None = None) -> Iterable[Raw]:
        """All objects of a kind, in one namespace or everywhere."""
        ...


class Secrets(Protocol):
    """Reads Secrets."""

    async def read(self, namespace: str, name: str, key: str) -> str:
        """The value under a key; raises SecretProblem where there is none that may be read."""
        ...


PatchStatus = Callable[[str, dict[str, Any]], Awaitable[object]]
"""Merges a body into the status subresource at a path.

It is no error for it that the object is gone or has changed: an event tells of that.
"""


def current_time() -> datetime:
    """The moment, by the wall clock."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class ReadyKeeper:
    """Brings Ready of one object up to date whenever it is asked to."""

    cache: Cache
    secrets: Secrets
    patch_status: PatchStatus
    clock: Callable[[], datetime] = current_time

    async def reconcile(self, kind: str, namespace: str, name: str) -> timedelta | None:
        """How soon to look again though no object of ours changes; None means never.

        Writes once where the condition or the generation changed, and nothing otherwise.
        """
        raw = self.cache.get(kind, namespace, name)
        if raw is None or kind not in MODELS or "deletionTimestamp" in raw["metadata"]:
            return None
        now, again = self.clock(), None
        try:
            model = MODELS[kind].model_validate(raw)
        except ValidationError as error:
            metadata = ObjectMeta.model_validate(raw["metadata"])
            condition = readiness.invalid_condition(metadata, error, now)
        else:
            condition, again = await self._judge(model, now)
        change = status_change(raw, condition, now)
        if change is not None:
            await self.patch_status(status_path(ObjectKey(kind, namespace, name)), change)
        return again

    async def _judge(self, model: Model, now: datetime) -> tuple[Condition, timedelta | None]:
        match model:
            case Connection():
                states = await self._secret_states(model)
                again = max((SECRET_RECHECK if state.usable else SECRET_RETRY) for state in states.values())
                return readiness.connection_condition(model, states, now), again
            case EscalationPolicy():
                return readiness.policy_condition(model, self._connections(model), now), None
            case IncidentClass():
                connections, policies = self._connections(model), self._policies(model)
                return readiness.class_condition(model, policies, connections, now), None
            case IncidentUpdate():
                return readiness.update_condition(model, self._exists(references(model)[0]), now), None

    async def _secret_states(self, connection: Connection) -> dict[tuple[str, str], SecretState]:
        return {
            (reference.name, reference.key): await self._secret_state(reference)
            for reference in connection_references(connection)
        }

    async def _secret_state(self, reference: Reference) -> SecretState:
        try:
            value = await self.secrets.read(reference.namespace, reference.name, reference.key)
        except SecretProblem as problem:
            return SecretState(problem.reason, problem.message)
        return readiness.secret_state(reference, value)

    def _exists(self, reference: Reference) -> bool:
        return self._found(reference) is not None

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
