"""Namespaces: how they begin, and how they end with all that is in them."""

from tests.conformance.api import Api, connection, observed
from tests.support.apiserver.namespaces import collect

NAMESPACES = "/api/v1/namespaces"


def _mine(api: Api) -> str:
    return f"{NAMESPACES}/{api.namespace}"


def a_namespace_is_active_from_the_start(api: Api) -> None:
    found = api.get(_mine(api))
    assert found.body["status"] == {"phase": "Active"}


def a_namespace_has_its_name_for_a_label_too(api: Api) -> None:
    metadata = {"name": f"{api.namespace}-b", "labels": {"team": "shop"}}
    assert len(api.post(NAMESPACES, {"metadata": metadata}).body["metadata"]["labels"]) == 2


def a_namespace_is_there_once(api: Api) -> None:
    assert api.post(NAMESPACES, {"metadata": {"name": api.namespace}}).reason == "AlreadyExists"


def a_namespace_that_is_not_there(api: Api) -> None:
    assert api.get(f"{NAMESPACES}/nowhere").code == 404
    assert api.delete(f"{NAMESPACES}/nowhere").code == 404


def only_the_metadata_of_a_namespace_is_patched(api: Api) -> None:
    api.patch(_mine(api), {"metadata": {"labels": {"team": "shop"}}})
    found = api.patch(_mine(api), {"spec": {"finalizers": []}, "status": {"phase": "Terminating"}})
    assert found.body["status"] == {"phase": "Active"}


def a_deleted_namespace_is_terminating(api: Api) -> None:
    found = api.delete(_mine(api))
    assert found.body["status"] == {"phase": "Terminating"}
    assert api.delete(_mine(api)).body == found.body
    assert api.get(_mine(api)).body == found.body


def nothing_new_comes_into_a_terminating_namespace(api: Api) -> None:
    api.delete(_mine(api))
    assert api.post("connections", connection("a")).reason == "Forbidden"
    assert api.post("events", {"metadata": {"name": "a"}}).reason == "Forbidden"
    assert api.post("leases", {"metadata": {"name": "a"}}).reason == "Forbidden"


def what_is_in_a_terminating_namespace_can_be_written(api: Api) -> None:
    api.post("connections", connection("a"))
    api.delete(_mine(api))
    assert api.patch("connections/a", {"metadata": {"labels": {"team": "shop"}}}).code == 200
    assert api.patch("connections/a/status", observed(1)).code == 200
    assert api.delete("connections/a").code == 200


def a_namespace_ends_when_it_is_empty(api: Api) -> None:
    begin = api.post("connections", connection("a"))
    api.post("connections", connection("held", finalizers=["example.com/hold"]))
    api.delete(_mine(api))
    assert not collect(api.quietly, api.namespace)
    assert api.get("connections/a").code == 404
    assert api.get(_mine(api)).code == 200
    api.patch("connections/held", {"metadata": {"finalizers": None}})
    assert collect(api.quietly, api.namespace)
    assert api.get(_mine(api)).code == 404
    assert api.post("connections", connection("a")).reason == "NotFound"
    with api.watch("connections", resourceVersion=begin.version) as watch:
        watch.take(4)


def a_namespace_that_comes_again_is_a_new_one(api: Api) -> None:
    first = api.get(_mine(api))
    api.delete(_mine(api))
    assert collect(api.quietly, api.namespace)
    second = api.post(NAMESPACES, {"metadata": {"name": api.namespace}})
    assert first.body["metadata"]["uid"] != second.body["metadata"]["uid"]
    assert api.post("connections", connection("a")).code == 201


def a_namespace_with_a_finalizer_stays(api: Api) -> None:
    api.delete(_mine(api))
    kept = {"metadata": {"name": api.namespace}, "spec": {"finalizers": ["kubernetes"]}}
    assert api.put(f"{_mine(api)}/finalize", kept).code == 200
    assert api.get(_mine(api)).code == 200


def a_namespace_that_is_not_ending_stays_without_a_finalizer(api: Api) -> None:
    assert api.put(f"{_mine(api)}/finalize", {"metadata": {"name": api.namespace}, "spec": {}}).code == 200
    assert api.get(_mine(api)).code == 200
