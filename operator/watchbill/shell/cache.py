"""What the watch last told of every object; the newest resourceVersion wins.

Objects are kept as the API server wrote them, without `managedFields`. They are parsed when read. Incidents
and runs are many, and seldom read: they are kept as text, which takes a tenth of the memory and nothing of
the time that Python needs to go through its objects for garbage.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from watchbill.api.connection import Connection
from watchbill.api.escalation_policy import EscalationPolicy
from watchbill.api.incident import Incident
from watchbill.api.incident_class import IncidentClass
from watchbill.api.incident_update import IncidentUpdate
from watchbill.api.kinds import KINDS
from watchbill.api.runbook import Runbook
from watchbill.api.runbook_run import RunbookRun
from watchbill.core.readiness import field_path

Raw = Mapping[str, Any]
Model = TypeVar(
    "Model", Incident, EscalationPolicy, IncidentClass, Connection, IncidentUpdate, Runbook, RunbookRun
)

TOMBSTONES = 10_000
"""How many deleted objects are remembered, so that a late answer does not bring one back."""

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation in which kubectl keeps the whole object once more."""

PROBLEM_LENGTH = 500

KEPT_AS_TEXT = frozenset({"Incident", "RunbookRun"})
"""The kinds of which there are many."""

MODELS: Mapping[str, type[BaseModel]] = {kind.name: kind.model for kind in KINDS}


class ObjectKey(NamedTuple):
    """Where an object is found; the namespace of a cluster-scoped one is empty."""

    kind: str
    namespace: str
    name: str


class Version(NamedTuple):
    """Which object is meant, and how new it is known."""

    uid: str
    resource_version: int


@dataclass(slots=True)
class _Entry:
    version: Version
    kept: Raw | bytes | None
    """The object, or its JSON; None while it rests."""
    parsed: BaseModel | None = field(default=None)
    problem: str = ""

    @property
    def raw(self) -> Raw | None:
        """The object; None while it rests."""
        if not isinstance(self.kept, bytes):
            return self.kept
        found: Raw = orjson.loads(self.kept)
        return found


def key_of(kind: str, raw: Raw) -> ObjectKey:
    """Where the object is found."""
    metadata = raw["metadata"]
    return ObjectKey(kind, metadata.get("namespace", ""), metadata["name"])


def version_of(raw: Raw) -> Version:
    """Which object it is and how new; resourceVersions are comparable numbers (KEP-5504)."""
    metadata = raw["metadata"]
    return Version(metadata.get("uid", ""), int(metadata.get("resourceVersion") or 0))


class Cache:
    """The latest of each object, by kind, namespace and name."""

    def __init__(self, models: Mapping[str, type[BaseModel]] = MODELS) -> None:
        self._models = models
        self._objects: dict[str, dict[str, dict[str, _Entry]]] = {}
        self._tombstones: OrderedDict[ObjectKey, int] = OrderedDict()

    def upsert(self, kind: str, raw: Raw, waking: bool = False) -> bool:
        """Take the object if it is newer than what is known; whether it was.

        An echo of our own write, a late event and an object that was deleted meanwhile change nothing. An
        object that rests is brought back by a newer version, and by the same one where it is `waking`.
        """
        key, version = key_of(kind, raw), version_of(raw)
        if version.resource_version <= self._tombstones.get(key, -1):
            return False
        known = self._find(key)
        if known is not None and version.resource_version <= known.version.resource_version:
            if waking and known.kept is None and version == known.version:
                known.kept = _kept(kind, raw)
            return False
        self._tombstones.pop(key, None)
        names = self._objects.setdefault(kind, {}).setdefault(key.namespace, {})
        names[key.name] = _Entry(version, _kept(kind, raw))
        return True

    def delete(self, kind: str, namespace: str, name: str, resource_version: int) -> Raw | None:
        """Forget what was deleted at this resourceVersion; what was last known of it.

        None where nothing is known, or where it has been created again since.
        """
        key = ObjectKey(kind, namespace, name)
        known = self._find(key)
        if known is not None and known.version.resource_version > resource_version:
            return None
        self._tombstones[key] = max(resource_version, self._tombstones.get(key, 0))
        self._tombstones.move_to_end(key)
        if len(self._tombstones) > TOMBSTONES:
            self._tombstones.popitem(last=False)
        if known is None:
            return None
        del self._objects[kind][namespace][name]
        if not self._objects[kind][namespace]:
            del self._objects[kind][namespace]
        return known.raw

    def knows(self, kind: str, namespace: str, name: str) -> bool:
        """Whether the object exists as far as is known, be it that it rests."""
        return self._find(ObjectKey(kind, namespace, name)) is not None

    def get(self, kind: str, namespace: str, name: str) -> Raw | None:
        """The object; None where it is not known or rests, and a GET must tell."""
        known = self._find(ObjectKey(kind, namespace, name))
        return None if known is None else known.raw

    def list(self, kind: str, namespace: str | None = None) -> Iterator[Raw]:
        """The objects of a kind, of one namespace or of all; those that rest are left out."""
        for entry in self._entries(kind, namespace):
            if (raw := entry.raw) is not None:
                yield raw

    def parsed(self, kind: str, namespace: str, name: str) -> BaseModel | None:
        """The object as its model; None where it is not known, rests, or has a `problem`."""
        entry = self._find(ObjectKey(kind, namespace, name))
        if entry is None or entry.kept is None:
            return None
        if entry.parsed is None and not entry.problem:
            try:
                entry.parsed = self._models[kind].model_validate(entry.raw)
            except ValidationError as error:
                entry.problem = _told(error)
        return entry.parsed

    def read(self, model: type[Model], namespace: str, name: str) -> Model | None:
        """The object as this model; None where `parsed` has None."""
        found = self.parsed(model.kind_name, namespace, name)
        return found if isinstance(found, model) else None

    def problem(self, kind: str, namespace: str, name: str) -> str:
        """Why the object, as it is, cannot be read as its kind; the empty text where it can."""
        self.parsed(kind, namespace, name)
        entry = self._find(ObjectKey(kind, namespace, name))
        return "" if entry is None else entry.problem

    def release(self, kind: str, namespace: str, name: str) -> None:
        """Keep no more of the object than its text, where it is of a kind of which there are many."""
        entry = self._find(ObjectKey(kind, namespace, name))
        if entry is not None and kind in KEPT_AS_TEXT:
            entry.parsed = None

    def rest(self, kind: str, namespace: str, name: str) -> None:
        """Keep of the object its uid and resourceVersion alone, until it changes or is read again."""
        if entry := self._find(ObjectKey(kind, namespace, name)):
            entry.kept = entry.parsed = None
            entry.problem = ""

    def version(self, key: ObjectKey) -> Version | None:
        """How new the object is known, also while it rests; None where it is not known."""
        known = self._find(key)
        return None if known is None else known.version

    def versions(self, kind: str) -> dict[ObjectKey, Version]:
        """How new each object of a kind is known, those that rest included."""
        return {
            ObjectKey(kind, namespace, name): entry.version
            for namespace, names in self._objects.get(kind, {}).items()
            for name, entry in names.items()
        }

    def awake(self, kind: str) -> Iterator[tuple[ObjectKey, Version]]:
        """How new each object of a kind is known that does not rest."""
        for namespace, names in self._objects.get(kind, {}).items():
            for name, entry in names.items():
                if entry.kept is not None:
                    yield ObjectKey(kind, namespace, name), entry.version

    def _find(self, key: ObjectKey) -> _Entry | None:
        return self._objects.get(key.kind, {}).get(key.namespace, {}).get(key.name)

    def _entries(self, kind: str, namespace: str | None) -> Iterator[_Entry]:
        namespaces = self._objects.get(kind, {})
        if namespace is not None:
            yield from list(namespaces.get(namespace, {}).values())
        else:
            for names in list(namespaces.values()):
                yield from list(names.values())


def _slimmed(raw: Raw) -> Raw:
    """The object without what is large and says nothing to us; the one passed in stays as it is."""
    metadata = {key: value for key, value in raw["metadata"].items() if key != "managedFields"}
    if LAST_APPLIED in (metadata.get("annotations") or {}):
        annotations = {key: value for key, value in metadata["annotations"].items() if key != LAST_APPLIED}
        metadata["annotations"] = annotations
    return {**raw, "metadata": metadata}


def _kept(kind: str, raw: Raw) -> Raw | bytes:
    slim = _slimmed(raw)
    return orjson.dumps(slim) if kind in KEPT_AS_TEXT else slim


def _told(error: ValidationError) -> str:
    """What does not fit, field by field, without the values that were found there."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    text = "; ".join(f"{field_path(fault['loc'])}: {fault['msg']}" for fault in faults)
    return text[:PROBLEM_LENGTH]
