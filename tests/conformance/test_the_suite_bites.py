"""The suite is worth something: each of these faults of the server in memory is found by a case."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.servers import InMemory
from tests.conformance.suite import CASES, recorded, transcript
from tests.support.apiserver import answers, listing, namespaces, reading, rules, watching, writing
from tests.support.apiserver.resources import RESOURCES, Body, Resource
from tests.support.apiserver.store import Change, Store, stamped
from tests.support.apiserver.watching import Stream
from tests.support.apiserver.writing import Writer

Patch = pytest.MonkeyPatch
Seed = Callable[[Patch], None]


def put(target: object, name: str, instead: object) -> Seed:
    return lambda patch: patch.setattr(target, name, instead)


def nothing(*_: object, **__: object) -> None:
    """What should be checked is not."""


def all_of_it(resource: Resource, old: Body, wanted: Body) -> Body:
    """A write of the object that takes the status along."""
    new = rules.with_all_but_status(resource, old, wanted)
    return new | {"status": wanted["status"]} if "status" in wanted else new


def labels_too(old: Body, wanted: Body) -> Body:
    """A write of the status that takes the labels along."""
    labels = wanted["metadata"].get("labels")
    new = rules.with_status(old, wanted)
    return new | {"metadata": new["metadata"] | {"labels": labels}} if labels else new


def one_uid(old: Body, wanted: Body) -> Body:
    """A write of the status that minds the uid."""
    rules.check_immutable(RESOURCES[0], old["metadata"], wanted["metadata"])
    return rules.with_status(old, wanted)


def keeping_nulls(old: Any, change: Any) -> Any:
    if not isinstance(old, dict) or not isinstance(change, dict):
        return change
    return old | {key: keeping_nulls(old.get(key), value) for key, value in change.items()}


def a_generation_each_time(resource: Resource, old: Body, wanted: Body) -> Body:
    new = rules.with_all_but_status(resource, old, wanted)
    generation = old["metadata"].get("generation", 0) + 1
    return new | {"metadata": new["metadata"] | {"generation": generation}}


def always_written(writer: Writer, resource: Resource, old: Body, wanted: Body, status: bool) -> Body:
    rules.check_version(resource, old, rules.metadata_of(wanted))
    new = rules.with_status(old, wanted) if status else rules.with_all_but_status(resource, old, wanted)
    key = resource.key(new["metadata"].get("namespace", ""), new["metadata"]["name"])
    return writer._store.put(resource, key, new)


def counted_by_kind(store: Store, resource: Resource, key: str, body: Body, put: Any = Store.put) -> Body:
    stored: Body = put(store, resource, key, body)
    number = 1000 + len(store._objects[resource])
    store._objects[resource][key] = stamped(stored, number)
    return store._objects[resource][key]


def removed_without_a_version(store: Store, resource: Resource, key: str) -> None:
    before = store._objects[resource].pop(key)
    store._log.append(Change(store.version, resource, key, before, None))


def of_the_present(store: Store, resource: Resource, prefix: str = "", version: int | None = None) -> Any:
    return EVERYTHING(store, resource, prefix)


def in_another_order(store: Store, resource: Resource, prefix: str = "", version: int | None = None) -> Any:
    return sorted(EVERYTHING(store, resource, prefix, version), key=lambda pair: pair[0].split("/"))


EVERYTHING = Store.all
SINCE = Store.since
BEGIN = Stream.__init__
DELETE = Writer.delete
CREATE = Writer.create


def one_too_many(store: Store, version: int) -> list[Change]:
    return SINCE(store, version - 1)


def of_every_namespace(stream: Stream, *rest: Any) -> None:
    BEGIN(stream, *rest)
    stream._prefix = ""


def refused_at_once(stream: Stream, *rest: Any) -> None:
    BEGIN(stream, *rest)
    if stream._position < stream._store.compacted:
        raise answers.expired("too old resource version")


def without_finalizers(writer: Writer, resource: Resource, where: tuple[str, str], options: Body) -> Any:
    old = writer.found(resource, *where)
    writer._store.remove(resource, resource.key(*where))
    return answers.succeeded(resource, old["metadata"])


def with_a_status(writer: Writer, resource: Resource, namespace: str, body: Body) -> Body:
    made = CREATE(writer, resource, namespace, body)
    made.update({"status": body["status"]} if "status" in body else {})
    return made


def without_a_version(patch: Patch) -> None:
    """A Lease can be replaced by whoever does not say which version is meant."""
    patch.setattr(rules, "unversioned", nothing)
    check = rules.check_version

    def lenient(resource: Resource, old: Body, metadata: Body) -> None:
        if metadata.get("resourceVersion"):
            check(resource, old, metadata)

    patch.setattr(writing, "check_version", lenient)


MUTANTS: dict[str, tuple[Seed, str]] = {
    "a stale patch is taken": (
        put(writing, "check_version", nothing),
        "patching: a stale patch is a conflict",
    ),
    "a stale status patch is taken": (
        put(writing, "check_version", nothing),
        "statuses: a status patch for the one before is a conflict",
    ),
    "a uid in a status patch counts": (
        put(writing, "with_status", one_uid),
        "statuses: a uid in a status patch is ignored",
    ),
    "a patch of an object writes its status": (
        put(writing, "with_all_but_status", all_of_it),
        "patching: a status in a patch is ignored",
    ),
    "a patch of a status writes labels": (
        put(writing, "with_status", labels_too),
        "statuses: a status patch writes the status alone",
    ),
    "null is kept": (
        put(writing, "merged", keeping_nulls),
        "patching: null removes what it names",
    ),
    "each write is a generation": (
        put(writing, "with_all_but_status", a_generation_each_time),
        "patching: a label is no new generation",
    ),
    "what changes nothing is written": (
        put(Writer, "_written", always_written),
        "statuses: a status patch that changes nothing writes nothing",
    ),
    "each kind counts its own versions": (
        put(Store, "put", counted_by_kind),
        "creating: all kinds share one counter of versions",
    ),
    "a deletion takes no version": (
        put(Store, "remove", removed_without_a_version),
        "creating: who comes again under the same name is somebody else",
    ),
    "pages are of the present": (
        put(Store, "all", of_the_present),
        "listing: pages are of the moment of the first",
    ),
    "nothing is forgotten": (
        put(Store, "compact", nothing),
        "listing: a page that was forgotten is gone",
    ),
    "namespaces are in the order of their names": (
        put(Store, "all", in_another_order),
        "listing: a namespace with a longer name comes first",
    ),
    "a continuation begins with the last item again": (
        put(listing, "Token", lambda version, start: REAL_TOKEN(version, start.rstrip("\0")[:-1])),
        "listing: a list comes in pages",
    ),
    "a watch tells the last event again": (
        put(Store, "since", one_too_many),
        "watching: a watch goes on after the last event that was seen",
    ),
    "a watch tells of every namespace": (
        put(Stream, "__init__", of_every_namespace),
        "watching: other kinds and namespaces are not told",
    ),
    "a watch of the forgotten past is refused": (
        put(Stream, "__init__", refused_at_once),
        "watching: a watch of the forgotten past ends with 410 in the stream",
    ),
    "the end is told with the version of before": (
        put(Change, "told", property(lambda change: change.after or change.before)),
        "watching: the end has a version of its own",
    ),
    "the first bookmark looks like any other": (
        put(watching, "INITIAL_END", {}),
        "watching: a bookmark ends what was there",
    ),
    "bookmarks come at any time": (
        put(watching, "LAST_BOOKMARK", watching.BOOKMARKS),
        "watching: a bookmark before the end tells how far the watch has come",
    ),
    "a namespace that ends takes new content": (
        put(namespaces, "admit", nothing),
        "ending_namespaces: nothing new comes into a terminating namespace",
    ),
    "a namespace is gone at once": (
        put(writing, "NAMESPACES", RESOURCES[0]),
        "ending_namespaces: a deleted namespace is terminating",
    ),
    "finalizers hold nothing": (
        put(Writer, "delete", without_finalizers),
        "deleting: an object goes with its last finalizer",
    ),
    "a status is created": (
        put(Writer, "create", with_a_status),
        "creating: a status is dropped at creation",
    ),
    "preconditions are not looked at": (
        put(writing, "check_preconditions", nothing),
        "deleting: another uid is not deleted",
    ),
    "a lease is replaced at any version": (
        without_a_version,
        "kubernetes_own: a lease is put at its version",
    ),
    "a conflict has another reason": (
        put(rules, "conflict", lambda resource, name: answers.already_exists(resource, name, False)),
        "kubernetes_own: of two that read the same lease one takes it",
    ),
    "what is not there is another error": (
        put(reading, "PAGE_NOT_FOUND", answers.UNKNOWN_RESOURCE.answer),
        "finding: a kind that is not served",
    ),
}

REAL_TOKEN = listing.Token


@pytest.mark.parametrize(("seed", "title"), MUTANTS.values(), ids=MUTANTS)
def test_the_fault_is_found(seed: Seed, title: str, monkeypatch: pytest.MonkeyPatch):
    topic, _, words = title.partition(": ")
    name = words.replace(" ", "_")
    seed(monkeypatch)
    try:
        found = transcript(InMemory(), "conformance-000", CASES[topic, name])
    except AssertionError:
        return
    assert found != recorded(topic)[name]
