"""Reads the cluster into an Observation."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from watchbill.api.connection import Connection
from watchbill.api.escalation_policy import EscalationPolicy
from watchbill.api.incident import Incident
from watchbill.api.incident_class import IncidentClass
from watchbill.api.incident_update import IncidentUpdate
from watchbill.core.effects import ConnectionKey
from watchbill.core.mitigation import NOTHING, Mitigation
from watchbill.core.observation import ConnectionFacts, Observation, UpdateFacts
from watchbill.core.readiness import is_default
from watchbill.core.references import class_granted
from watchbill.providers.facts import facts_of
from watchbill.shell.cache import Cache, ObjectKey
from watchbill.shell.claims import ChannelClaims, claims_of
from watchbill.shell.clock import Clock
from watchbill.shell.kube import Kube, KubeError, NotFound
from watchbill.shell.paths import path_of

CONFIRMED_FOR = 5.0
"""Seconds for which a confirmed absence is believed."""

READ_TIMEOUT = 2.0

Deliver = Callable[[str, str | None, dict[str, Any]], None]
"""Takes what was read as if the watch had told it: whoever depends on it must look too."""


class Absences:
    """What was looked for and is not in the cache; nothing is decided on it before a GET confirms it."""

    def __init__(self, kube: Kube, clock: Clock, deliver: Deliver) -> None:
        self._kube = kube
        self._clock = clock
        self._deliver = deliver
        self._missed: set[ObjectKey] = set()
        self._confirmed: dict[ObjectKey, float] = {}

    def missed(self, kind: str, namespace: str, name: str) -> None:
        """Take note that the cache has no such object."""
        self._missed.add(ObjectKey(kind, namespace, name))

    async def confirm(self) -> bool:
        """Ask the API server for what was missed; whether something was there, and must be looked at again.

        What was asked for counts as known for 5 s, also where it is there and cannot be read as its kind.
        Where the server cannot be asked, the cache stands.
        """
        missed, self._missed = self._missed, set()
        now, found = self._clock.monotonic(), False
        self._confirmed = {key: time for key, time in self._confirmed.items() if now - time < CONFIRMED_FOR}
        for key in sorted(missed - self._confirmed.keys()):
            if self._kube.unreachable_since is not None:
                return found
            try:
                answer = await self._kube.get(path_of(*key), timeout=READ_TIMEOUT)
            except NotFound:
                answer = {}
            except KubeError:
                continue
            self._confirmed[key] = now
            # Asked for without a name, the server answers with all of a kind.
            for raw in answer.get("items", [answer] if "metadata" in answer else []):
                self._deliver(key.kind, None, raw)
                found = True
        return found


class Connections(Mapping[ConnectionKey, ConnectionFacts]):
    """What a decision may know of each Connection, looked up when it asks."""

    def __init__(self, cache: Cache, absences: Absences) -> None:
        self._cache = cache
        self._absences = absences

    def __getitem__(self, key: ConnectionKey) -> ConnectionFacts:
        """The facts; KeyError where the cache has no such connection."""
        found = self._cache.read(Connection, key.namespace, key.name)
        if found is None:
            self._absences.missed("Connection", key.namespace, key.name)
            raise KeyError(key)
        return facts_of(found)

    def __iter__(self) -> Iterator[ConnectionKey]:
        versions = self._cache.versions("Connection")
        return (ConnectionKey(key.namespace, key.name) for key in versions)

    def __len__(self) -> int:
        return len(self._cache.versions("Connection"))


class Policies(Mapping[str, EscalationPolicy]):
    """The policies of one namespace by name, looked up when a decision asks."""

    def __init__(self, cache: Cache, absences: Absences, namespace: str) -> None:
        self._cache = cache
        self._absences = absences
        self._namespace = namespace

    def __getitem__(self, name: str) -> EscalationPolicy:
        """The policy; KeyError where the cache has none of this name."""
        found = self._cache.read(EscalationPolicy, self._namespace, name)
        if found is None:
            self._absences.missed("EscalationPolicy", self._namespace, name)
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        versions = self._cache.versions("EscalationPolicy")
        return (key.name for key in versions if key.namespace == self._namespace)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Observer:
    """Puts together what one decision may know."""

    def __init__(self, cache: Cache, kube: Kube, clock: Clock, holder: str, deliver: Deliver) -> None:
        self.last_resort: ConnectionKey | None = None
        self.absences = Absences(kube, clock, deliver)
        self._cache = cache
        self._kube = kube
        self._clock = clock
        self._holder = holder
        self._deliver = deliver
        self._claims: dict[str, dict[str, datetime]] = {}
        self.channels = ChannelClaims()
        self.mitigation: Callable[[Incident], Mitigation] = lambda incident: NOTHING
        """What is known of runbooks and runs around an incident."""

    @property
    def blind_since(self) -> datetime | None:
        """Since when the API server has not answered; None while it does."""
        return self._kube.unreachable_since

    async def incident(self, key: ObjectKey, fresh: bool = False) -> Incident | None:
        """The incident, from the API server where it rests or must be fresh.

        None where the watch has told that it is gone, or it cannot be read as one. Raises KubeError.
        """
        if fresh or (self._cache.knows(*key) and self._cache.get(*key) is None):
            raw = await self._kube.get(path_of(*key), timeout=READ_TIMEOUT)
            self._deliver(key.kind, None, raw)
            self._cache.upsert(key.kind, raw, waking=True)
        return self.last_seen(key)

    def last_seen(self, key: ObjectKey) -> Incident | None:
        """The incident as it was last seen; None where it is gone or rests."""
        return self._cache.read(Incident, key.namespace, key.name)

    def rest(self, key: ObjectKey) -> None:
        """Keep no more in memory of an incident than its uid and its version, until it is looked at again."""
        self._cache.rest(*key)

    def knows(self, key: ObjectKey) -> bool:
        """Whether the incident exists, as far as the watch has told."""
        return self._cache.knows(*key)

    def observe(self, incident: Incident) -> Observation:
        """What is seen around the incident now."""
        namespace = incident.metadata.namespace or ""
        found = self._class(incident)
        return Observation(
            incident=incident,
            incident_class=found,
            policies=Policies(self._cache, self.absences, namespace),
            default_policy=self._default_policy(found),
            connections=Connections(self._cache, self.absences),
            updates=self._updates(incident),
            mitigation=self.mitigation(incident),
            foreign_claims=self.note_claims(incident),
            channel_claims=self.channels,
            holder=self._holder,
            last_resort=self.last_resort,
        )

    def _class(self, incident: Incident) -> IncidentClass | None:
        ref = incident.spec.class_ref
        if ref is not None:
            found = self._cache.read(IncidentClass, "", ref.name)
            if found is None:
                self.absences.missed("IncidentClass", "", ref.name)
            return found
        for key in sorted(self._cache.versions("IncidentClass")):
            found = self._cache.read(IncidentClass, "", key.name)
            if found is not None and is_default(found.metadata.annotations):
                return found
        self.absences.missed("IncidentClass", "", "")
        return None

    def _default_policy(self, found: IncidentClass | None) -> EscalationPolicy | None:
        if found is None:
            return None
        ref = found.spec.default_escalation.policy_ref
        policy = self._cache.read(EscalationPolicy, ref.namespace, ref.name)
        if policy is None:
            self.absences.missed("EscalationPolicy", ref.namespace, ref.name)
            return None
        return policy if class_granted(policy.spec.allowed_classes, found.metadata.name) else None

    def _updates(self, incident: Incident) -> tuple[UpdateFacts, ...]:
        namespace, name = incident.metadata.namespace or "", incident.metadata.name
        found = []
        for raw in self._cache.list("IncidentUpdate", namespace):
            if raw["spec"].get("incidentRef", {}).get("name") != name:
                continue
            update = self._cache.read(IncidentUpdate, namespace, raw["metadata"]["name"])
            created = update.metadata.creation_timestamp if update else None
            born = incident.metadata.creation_timestamp
            if update is None or created is None or (born is not None and created < born):
                continue
            spec = update.spec
            found.append(UpdateFacts(created, update.metadata.name, spec.by or "unknown", spec.public_phase))
        return tuple(sorted(found, key=lambda update: (update.time, update.name)))

    def note_claims(self, incident: Incident) -> dict[str, datetime]:
        """When this process first saw each claim of another; by its own clock, for skew must not matter."""
        now, seen, uid = self._clock.now(), {}, incident.metadata.uid
        for key, claim in claims_of(incident):
            if claim.by != self._holder:
                mark = f"{key}@{claim.by}@{claim.time.isoformat()}"
                seen[key] = self._claims.setdefault(uid, {}).setdefault(mark, now)
        return seen

    def forget(self, uid: str) -> None:
        """Forget the claims seen on an incident that is gone."""
        self._claims.pop(uid, None)
        self.channels.forget(uid)
