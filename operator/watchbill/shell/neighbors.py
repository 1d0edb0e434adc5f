"""Has looked at whatever may stand otherwise because another object has changed."""

from collections.abc import Callable
from typing import Protocol

from watchbill.api.group import DEFAULT_CLASS_ANNOTATION
from watchbill.shell.cache import Cache, ObjectKey, Raw
from watchbill.shell.dependants import dependants, is_ready, waiting_incidents


class Add(Protocol):
    """Has a key looked at."""

    def __call__(self, key: ObjectKey, urgent: bool = False) -> None:
        """Have it looked at; an urgent one goes first."""


class Neighbors:
    """Knows what of each object others depend on, and tells when that has changed."""

    def __init__(self, cache: Cache, add: Add, synced: Callable[[], bool]) -> None:
        """Nobody is told before `synced`: until then each object is looked at for itself anyway."""
        self._cache = cache
        self._add = add
        self._synced = synced
        self._marks: dict[ObjectKey, tuple[int, str, bool]] = {}

    def changed(self, key: ObjectKey, raw: Raw) -> None:
        """Tell of an object that is new, or has changed in something that others depend on."""
        metadata = raw.get("metadata", {})
        default = (metadata.get("annotations") or {}).get(DEFAULT_CLASS_ANNOTATION, "")
        mark = (metadata.get("generation", 0), default, key.kind == "Connection" and is_ready(raw))
        if self._marks.get(key) != mark:
            self._marks[key] = mark
            self._tell(key, raw)

    def deleted(self, key: ObjectKey, last: Raw) -> None:
        """Tell of an object that is gone."""
        self._marks.pop(key, None)
        self._tell(key, last)

    def _tell(self, key: ObjectKey, raw: Raw) -> None:
        if not self._synced():
            return
        for other in dependants(*key, self._cache):
            self._add(other)
        if key.kind == "IncidentUpdate":
            name = raw.get("spec", {}).get("incidentRef", {}).get("name", "")
            self._add(ObjectKey("Incident", key.namespace, name))
        for other in waiting_incidents(key, self._cache):
            self._add(other, urgent=True)
