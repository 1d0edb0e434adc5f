"""What is known of objects: the newest counts, and what was deleted stays deleted."""

from typing import Any

import pytest

from watchbill.api.incident import Incident
from watchbill.shell.cache import Cache, ObjectKey, Raw, Version
from watchbill.shell.inbox import Inbox

CART = ("Incident", "shop", "cart")


def incident(
    version: int, name: str = "cart", uid: str = "1", namespace: str = "shop", **spec: Any
) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "uid": uid, "resourceVersion": str(version)}
    return {"metadata": metadata, "spec": {"title": "carts are empty", "severity": "SEV-1"} | spec}


@pytest.fixture
def cache() -> Cache:
    return Cache()


def test_the_newest_version_wins_by_number_not_by_text(cache: Cache):
    assert cache.upsert("Incident", incident(9))
    assert cache.upsert("Incident", incident(10))
    assert not cache.upsert("Incident", incident(9))
    assert not cache.upsert("Incident", incident(10))
    assert cache.version(ObjectKey(*CART)) == Version("1", 10)


def test_what_is_large_and_says_nothing_is_not_kept_and_the_callers_object_stays(cache: Cache):
    raw = incident(1)
    raw["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    raw["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"}
    cache.upsert("Incident", raw)
    kept = cache.get(*CART)
    assert kept is not None
    assert "managedFields" not in kept["metadata"]
    assert kept["metadata"]["annotations"] == {"a": "b"}
    assert raw["metadata"]["managedFields"]


def test_a_late_event_does_not_bring_back_what_was_deleted(cache: Cache):
    cache.upsert("Incident", incident(5))
    assert cache.delete(*CART, resource_version=7) is not None
    assert not cache.upsert("Incident", incident(6))
    assert cache.get(*CART) is None
    assert cache.upsert("Incident", incident(8, uid="2"))


def test_a_late_deletion_does_not_take_what_was_created_since(cache: Cache):
    cache.upsert("Incident", incident(8, uid="2"))
    assert cache.delete(*CART, resource_version=7) is None
    assert cache.get(*CART) is not None


def test_objects_are_listed_by_namespace_and_kind(cache: Cache):
    for number, (namespace, name) in enumerate([("shop", "a"), ("shop", "b"), ("bank", "a")], 1):
        cache.upsert("Incident", incident(number, name, namespace=namespace))
    assert [raw["metadata"]["name"] for raw in cache.list("Incident", "shop")] == ["a", "b"]
    assert len(list(cache.list("Incident"))) == 3
    assert list(cache.list("Connection")) == []


def test_an_object_is_parsed_once_for_each_version(cache: Cache):
    cache.upsert("Incident", incident(1))
    first = cache.read(Incident, "shop", "cart")
    assert first is not None
    assert cache.read(Incident, "shop", "cart") is first
    cache.upsert("Incident", incident(2, title="carts are full"))
    second = cache.read(Incident, "shop", "cart")
    assert second is not None
    assert second.spec.title == "carts are full"


def test_an_object_that_does_not_parse_is_kept_and_its_problem_told_without_values(cache: Cache):
    cache.upsert("Incident", incident(1, title={"s3cret": "value"}))
    assert cache.parsed(*CART) is None
    assert "spec.title" in cache.problem(*CART)
    assert "s3cret" not in cache.problem(*CART)
    assert cache.get(*CART) is not None
    cache.upsert("Incident", incident(2))
    assert cache.problem(*CART) == ""


def test_a_resting_object_costs_its_version_alone(cache: Cache):
    cache.upsert("Incident", incident(3))
    cache.rest(*CART)
    assert cache.get(*CART) is None
    assert cache.parsed(*CART) is None
    assert list(cache.list("Incident")) == []
    assert cache.versions("Incident") == {ObjectKey(*CART): Version("1", 3)}


def test_a_resting_object_comes_back_by_a_change_or_by_being_read_and_not_by_an_echo(cache: Cache):
    cache.upsert("Incident", incident(3))
    cache.rest(*CART)
    assert not cache.upsert("Incident", incident(3))
    assert cache.get(*CART) is None
    assert not cache.upsert("Incident", incident(3), waking=True)
    assert cache.get(*CART) is not None
    cache.rest(*CART)
    assert cache.upsert("Incident", incident(4))
    assert cache.get(*CART) is not None


class Heard:
    def __init__(self, cache: Cache) -> None:
        self.told: list[tuple[str, str | None]] = []
        self.last: Raw = {}
        self.inbox = Inbox(cache, self.changed, self.deleted)

    def changed(self, key: ObjectKey, raw: Raw) -> None:
        self.told.append(("changed", None))

    def deleted(self, key: ObjectKey, last: Raw) -> None:
        self.told.append(("deleted", last["metadata"]["uid"]))
        self.last = last

    def deliver(self, type_: str | None, raw: dict[str, Any]) -> None:
        self.inbox.deliver("Incident", type_, raw)


@pytest.fixture
def heard(cache: Cache) -> Heard:
    return Heard(cache)


def test_an_event_is_told_once(heard: Heard):
    for type_ in (None, "ADDED", "MODIFIED"):
        heard.deliver(type_, incident(1))
    assert heard.told == [("changed", None)]


def test_a_deletion_is_told_once_with_what_was_last_known(heard: Heard):
    heard.deliver("ADDED", incident(1))
    heard.deliver("DELETED", incident(2))
    heard.deliver("DELETED", incident(2))
    assert heard.told == [("changed", None), ("deleted", "1")]


def test_a_deletion_that_a_resync_found_is_told_with_what_the_cache_had(heard: Heard, cache: Cache):
    heard.deliver("ADDED", incident(1))
    remains = incident(1)
    del remains["spec"]
    heard.deliver("DELETED", remains)
    assert heard.told == [("changed", None), ("deleted", "1")]
    assert cache.get(*CART) is None


def test_a_deletion_that_was_missed_shows_by_another_object_of_the_name(heard: Heard):
    heard.deliver("ADDED", incident(1))
    heard.deliver(None, incident(5, uid="2"))
    assert heard.told == [("changed", None), ("deleted", "1"), ("changed", None)]


def test_late_news_of_an_object_that_was_replaced_is_no_news(heard: Heard):
    heard.deliver("ADDED", incident(5, uid="2"))
    heard.deliver("MODIFIED", incident(3, uid="1"))
    heard.deliver("DELETED", incident(4, uid="1"))
    assert heard.told == [("changed", None)]


@pytest.mark.parametrize(
    ("type_", "version", "uid"),
    [("DELETED", 1, "1"), (None, 5, "2")],
    ids=["a resync found its deletion", "another object has its name"],
)
def test_of_an_object_that_rested_and_went_unseen_the_uid_is_told(
    heard: Heard, cache: Cache, type_: str | None, version: int, uid: str
):
    heard.deliver("ADDED", incident(1))
    cache.rest(*CART)
    remains = incident(version, uid=uid)
    if type_ == "DELETED":
        del remains["spec"]
    heard.deliver(type_, remains)
    assert ("deleted", "1") in heard.told
    assert "spec" not in heard.last
