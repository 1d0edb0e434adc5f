"""Objects, the one counter of versions, and what has happened until it is forgotten.

What is stored is never changed in place: an object that was handed out stays as it was.
"""

from bisect import bisect_left
from collections import defaultdict
from typing import NamedTuple

from tests.support.apiserver.resources import Body, Resource

FIRST_VERSION = 100
"""Where the counter begins: what came before is forgotten already."""


class Change(NamedTuple):
    """One thing that happened."""

    version: int
    resource: Resource
    key: str
    before: Body | None
    after: Body | None

    @property
    def type(self) -> str:
        """What a watch calls it."""
        if self.after is None:
            return "DELETED"
        return "ADDED" if self.before is None else "MODIFIED"

    @property
    def told(self) -> Body:
        """The object as a watch tells of it: what is gone in its last state, with the version of its end."""
        if self.after is not None:
            return self.after
        assert self.before is not None
        return stamped(self.before, self.version)


class Store:
    """All objects, as a quorum of etcd has them."""

    def __init__(self) -> None:
        self.version = FIRST_VERSION
        """The resourceVersion of the last change, of whatever kind."""
        self.compacted = FIRST_VERSION
        """The oldest moment that is still known."""
        self._objects: defaultdict[Resource, dict[str, Body]] = defaultdict(dict)
        self._log: list[Change] = []
        self._forgotten: list[Change] = []

    def get(self, resource: Resource, key: str) -> Body | None:
        """The object, as it is."""
        return self._objects[resource].get(key)

    def put(self, resource: Resource, key: str, body: Body) -> Body:
        """The object as it is stored, with its new version."""
        self.version += 1
        stored = stamped(body, self.version)
        before = self._objects[resource].get(key)
        self._objects[resource][key] = stored
        self._log.append(Change(self.version, resource, key, before, stored))
        return stored

    def remove(self, resource: Resource, key: str) -> None:
        """Forget the object; that takes a version too."""
        self.version += 1
        before = self._objects[resource].pop(key)
        self._log.append(Change(self.version, resource, key, before, None))

    def all(self, resource: Resource, prefix: str = "", version: int | None = None) -> list[tuple[str, Body]]:
        """The objects below a prefix, in order, as they are or as they were at a version that is known."""
        found = self._objects[resource]
        if version is not None and version < self.version:
            found = dict(found)
            for change in reversed(self.since(version)):
                if change.resource is resource:
                    if change.before is None:
                        del found[change.key]
                    else:
                        found[change.key] = change.before
        return sorted((key, body) for key, body in found.items() if key.startswith(prefix))

    def since(self, version: int) -> list[Change]:
        """What has happened after a version that is known, in order."""
        if version >= self.version:
            return []
        # A change begins with its version, and no two have the same.
        return self._log[bisect_left(self._log, (version + 1,)) :]

    def compact(self) -> None:
        """Forget all that was before now, as etcd does every five minutes."""
        self.compacted = self.version
        self._forgotten += self._log
        self._log.clear()

    @property
    def history(self) -> list[Change]:
        """All that ever happened, for whoever looks back: no client is told of what was forgotten."""
        return [*self._forgotten, *self._log]


def stamped(body: Body, version: int) -> Body:
    """The object with this version."""
    return body | {"metadata": body["metadata"] | {"resourceVersion": str(version)}}
