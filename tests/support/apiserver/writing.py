"""Creates, replaces, patches and deletes."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from tests.support.apiserver import namespaces
from tests.support.apiserver.answers import (
    Answer,
    Refusal,
    already_exists,
    bad_request,
    invalid,
    not_found,
    succeeded,
)
from tests.support.apiserver.resources import NAMESPACES, Body, Resource
from tests.support.apiserver.rules import (
    OTHER_NAMESPACE,
    check_kind,
    check_place,
    check_preconditions,
    check_uid,
    check_version,
    given,
    merged,
    metadata_of,
    with_all_but_status,
    with_status,
)
from tests.support.apiserver.store import Store

LETTERS = "bcdfghjklmnpqrstvwxz2456789"
PREFIX_LENGTH = 58
"""How much of a generateName is kept, so that the name has 63 characters at most."""


class Writer:
    """All writes of a store; its uids and generated names are the same in every run."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._made = 0

    def create(self, resource: Resource, namespace: str, body: Body) -> Body:
        """The new object."""
        check_kind(resource, body)
        metadata = metadata_of(body)
        if metadata.get("namespace", namespace) != namespace:
            raise bad_request(OTHER_NAMESPACE)
        name = metadata.get("name") or ""
        namespaces.admit(self._store, resource, namespace, name)
        if not name and not metadata.get("generateName"):
            why = "Required value: name or generateName is required"
            raise invalid(resource, "", "metadata.name", why, "Required")
        self._made += 1
        name = name or self._generated(metadata["generateName"])
        if metadata.get("resourceVersion"):
            raise Refusal(500, "", "resourceVersion should not be set on objects to be created")
        key = resource.key(namespace, name)
        if (found := self._store.get(resource, key)) is not None:
            raise already_exists(resource, name, "deletionTimestamp" in found["metadata"])
        stamp: Body = {"name": name, "uid": str(UUID(int=self._made, version=4))}
        stamp |= {"creationTimestamp": self._moment()}
        stamp |= {"namespace": namespace} if namespace else {}
        stamp |= {"generation": 1} if resource.custom else {}
        new = {**resource.identity, **(resource.defaults or {}), **body, "metadata": given(metadata) | stamp}
        if resource.custom:
            new.pop("status", None)
        return self._store.put(resource, key, namespaces.born(new) if resource is NAMESPACES else new)

    def replace(self, resource: Resource, where: tuple[str, str], body: Body, status: bool) -> Answer:
        """The object, or only its status, as a PUT makes it."""
        namespace, name = where
        metadata = metadata_of(body)
        if not metadata.get("name"):
            raise bad_request(
                f"the name of the object ({name} based on URL) was undeterminable: name must be provided"
            )
        check_place(metadata, namespace, name)
        key = resource.key(namespace, name)
        old = self._store.get(resource, key)
        if old is None and not resource.created_by_put:
            raise not_found(resource, name)
        check_uid(resource, key, metadata.get("uid"), old["metadata"]["uid"] if old else "")
        if old is None:
            # Which version it had, where it was before, does not matter.
            return Answer(201, self.create(resource, namespace, body | {"metadata": given(metadata)}))
        return Answer(200, self._written(resource, old, body, status))

    def patch(self, resource: Resource, where: tuple[str, str], change: Body, status: bool) -> Body:
        """The object, or only its status, after a merge patch."""
        old = self.found(resource, *where)
        wanted = merged(old, change)
        check_place(metadata_of(wanted), *where)
        return self._written(resource, old, wanted, status)

    def delete(self, resource: Resource, where: tuple[str, str], options: Body) -> Answer:
        """That it is gone, or the object that goes when its finalizers do."""
        old = self.found(resource, *where)
        check_preconditions(resource, old, options.get("preconditions") or {})
        metadata = old["metadata"]
        if resource is NAMESPACES:
            return Answer(200, namespaces.terminating(self._store, old, self._moment()))
        key = resource.key(*where)
        if not metadata.get("finalizers"):
            self._store.remove(resource, key)
            return succeeded(resource, metadata)
        if "deletionTimestamp" in metadata:
            return Answer(200, old)
        ending = {"deletionTimestamp": self._moment(), "deletionGracePeriodSeconds": 0}
        ending |= {"generation": metadata["generation"] + 1} if resource.custom else {}
        return Answer(200, self._store.put(resource, key, old | {"metadata": metadata | ending}))

    def finalize(self, name: str, body: Body) -> Body:
        """The namespace, with the finalizers of the body."""
        return namespaces.finalized(self._store, self.found(NAMESPACES, "", name), body)

    def found(self, resource: Resource, namespace: str, name: str) -> Body:
        """The object; it is refused where there is none."""
        found = self._store.get(resource, resource.key(namespace, name))
        if found is None:
            raise not_found(resource, name)
        return found

    def _written(self, resource: Resource, old: Body, wanted: Body, status: bool) -> Body:
        check_kind(resource, wanted)
        check_version(resource, old, metadata_of(wanted))
        new = with_status(old, wanted) if status else with_all_but_status(resource, old, wanted)
        if new == old:
            return old
        metadata = new["metadata"]
        key = resource.key(metadata.get("namespace", ""), metadata["name"])
        is_over = "deletionTimestamp" in metadata and not metadata.get("finalizers")
        if is_over and resource is not NAMESPACES:
            self._store.remove(resource, key)
            return new
        return self._store.put(resource, key, new)

    def _generated(self, prefix: str) -> str:
        number, suffix = self._made, ""
        for _ in range(5):
            number, digit = divmod(number, len(LETTERS))
            suffix = LETTERS[digit] + suffix
        return prefix[:PREFIX_LENGTH] + suffix

    def _moment(self) -> str:
        return self._now().strftime("%Y-%m-%dT%H:%M:%SZ")
