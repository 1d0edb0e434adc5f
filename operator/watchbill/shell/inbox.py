"""What becomes of a delivery, whether the watch brought it or a list: the cache, then who must look."""

from collections.abc import Callable
from typing import Any

from watchbill.shell.cache import Cache, ObjectKey, Raw, key_of, version_of


class Inbox:
    """Puts deliveries into the cache, and tells of what was new; echoes of our own writes are not."""

    def __init__(
        self,
        cache: Cache,
        on_changed: Callable[[ObjectKey, Raw], None],
        on_deleted: Callable[[ObjectKey, Raw], None],
    ) -> None:
        self._cache = cache
        self._on_changed = on_changed
        self._on_deleted = on_deleted

    def deliver(self, kind: str, type_: str | None, raw: dict[str, Any]) -> None:
        """Take one event, or one object of a list.

        `on_deleted` gets the object as it was last known: also where its deletion was missed, and shows
        by another object of the same name. Of one that rested and was not seen to go it gets the name,
        the namespace and the uid alone.
        """
        key, version = key_of(kind, raw), version_of(raw)
        known = self._cache.version(key)
        if type_ == "DELETED":
            last = self._cache.delete(*key, version.resource_version)
            if known is not None and known.resource_version <= version.resource_version:
                self._on_deleted(key, raw if "spec" in raw else last or raw)
            return
        if known is not None and known.uid != version.uid:
            if version.resource_version < known.resource_version:
                return
            last = self._cache.delete(*key, known.resource_version)
            self._on_deleted(key, last or _remains(key, known.uid))
        if self._cache.upsert(kind, raw):
            self._on_changed(key, raw)


def _remains(key: ObjectKey, uid: str) -> Raw:
    return {"metadata": {"namespace": key.namespace, "name": key.name, "uid": uid}}
