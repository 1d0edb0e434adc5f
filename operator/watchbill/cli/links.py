"""Judges what the objects of all files say of each other, by the rules that the operator judges by."""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from watchbill.api.connection import Connection, ConnectionSpec
from watchbill.api.escalation_policy import EscalationPolicy
from watchbill.api.incident_class import IncidentClass
from watchbill.api.kinds import KINDS
from watchbill.api.reasons import Reason
from watchbill.cli.manifests import Manifest
from watchbill.core.effects import ConnectionKey
from watchbill.core.readiness import (
    Problem,
    SecretState,
    class_problems,
    connection_problems,
    is_default,
    policy_problems,
    secret_state,
)
from watchbill.core.references import Reference, references

MODELS = {kind.name: kind.model for kind in KINDS}
CLUSTER_SCOPED = frozenset(kind.name for kind in KINDS if kind.scope == "Cluster")

SELDOM_IN_GIT = frozenset({"Secret", "Incident", "IncidentClass"})
"""Kinds that what names them is not refused for: Secrets are sealed, the others are somebody else's."""

Identity = tuple[str, str, str]
"""Kind, namespace and name; the namespace of a cluster-scoped object is empty."""


def identity_of(manifest: Manifest, namespace: str) -> Identity:
    """Which object a manifest is; one without a namespace is in the one that is given."""
    metadata = _mapping(manifest.content.get("metadata"))
    name = metadata.get("name") or f"{metadata.get('generateName') or ''}*"
    home = "" if manifest.kind in CLUSTER_SCOPED else metadata.get("namespace") or namespace
    return manifest.kind, str(home), str(name)


@dataclass(frozen=True)
class World:
    """Everything that the files hold, as the operator would see it if they were all applied."""

    known: set[Identity] = field(default_factory=set)
    models: dict[Identity, Any] = field(default_factory=dict)
    """The objects of ours that can be read."""
    secrets: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)

    @cached_property
    def connections(self) -> dict[ConnectionKey, ConnectionSpec]:
        """The connections that can be read."""
        return {
            ConnectionKey(namespace, name): model.spec
            for (_, namespace, name), model in self.models.items()
            if isinstance(model, Connection)
        }

    @cached_property
    def policies(self) -> dict[tuple[str, str], EscalationPolicy]:
        """The policies that can be read, by namespace and name."""
        return {
            (namespace, name): model
            for (_, namespace, name), model in self.models.items()
            if isinstance(model, EscalationPolicy)
        }

    @cached_property
    def default_classes(self) -> list[str]:
        """The names of the classes that can be read and are marked as the default."""
        classes = [model for model in self.models.values() if isinstance(model, IncidentClass)]
        return [each.metadata.name for each in classes if is_default(each.metadata.annotations)]


def read(manifest: Manifest, namespace: str) -> Any:
    """The model of a manifest of ours, with its namespace filled in; None where it cannot be read."""
    model = MODELS.get(manifest.kind)
    metadata = manifest.content.get("metadata")
    if model is None or not isinstance(metadata, dict):
        return None
    _, home, _ = identity_of(manifest, namespace)
    content = {"spec": manifest.content.get("spec"), "metadata": metadata | {"namespace": home}}
    try:
        return model.model_validate(content)
    except ValidationError:
        return None


def world_of(manifests: Iterable[Manifest], namespace: str) -> World:
    """What all manifests hold together; of two of the same object the last counts."""
    world = World()
    for manifest in manifests:
        identity = identity_of(manifest, namespace)
        world.known.add(identity)
        if manifest.kind == "Secret":
            world.secrets[identity[1], identity[2]] = manifest.content
        elif (model := read(manifest, namespace)) is not None:
            world.models[identity] = model
    return world


def broken_links(model: Any, world: World) -> Iterator[Problem]:
    """What is wrong with the references of an object; one to an object that cannot be read is let be."""
    targets = {reference.path: _target(reference) for reference in references(model)}
    for problem in _problems(model, world):
        target = targets.get(problem.path)
        if target is None or target not in world.known or target in world.models or target[0] == "Secret":
            yield problem


def open_links(model: Any, world: World) -> Iterator[Reference]:
    """The references to what seldom lies in Git and is not in the files: it may exist all the same."""
    for reference in references(model):
        if reference.kind in SELDOM_IN_GIT and _target(reference) not in world.known:
            yield reference


def _target(reference: Reference) -> Identity:
    return reference.kind, reference.namespace, reference.name


def _problems(model: Any, world: World) -> Iterator[Problem]:
    match model:
        case EscalationPolicy():
            yield from policy_problems(model, world.connections)
        case IncidentClass():
            yield from class_problems(model, world.policies, world.connections, world.default_classes)
        case Connection():
            states = {(each.name, each.key): _secret_state(each, world) for each in references(model)}
            yield from connection_problems(model, states)


def _secret_state(reference: Reference, world: World) -> SecretState:
    """How it would go to read a Secret; one that is not in the files is taken to be fine."""
    secret = world.secrets.get((reference.namespace, reference.name))
    if secret is None:
        return SecretState()
    value = _secret_value(secret, reference.key)
    if value is None:
        text = f"{reference} has no key {reference.key}; add it or name another"
        return SecretState(Reason.SECRET_KEY_MISSING, text)
    return secret_state(reference, value)


def _secret_value(secret: Mapping[str, Any], key: str) -> str | None:
    """The text under a key of a Secret's manifest, of which `stringData` wins over `data`."""
    texts, encoded = (_mapping(secret.get(part)) for part in ("stringData", "data"))
    if key in texts:
        return str(texts[key])
    if key not in encoded:
        return None
    try:
        return base64.b64decode(str(encoded[key])).decode(errors="replace")
    except binascii.Error:
        return ""


def _mapping(part: object) -> Mapping[str, Any]:
    return part if isinstance(part, dict) else {}
