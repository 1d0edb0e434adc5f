"""Deleting objects, at once and when their finalizers are gone."""

from tests.conformance.api import Api, connection, incident, observed

HOLD = "example.com/hold"


def a_deleted_object_is_gone(api: Api) -> None:
    api.post("connections", connection("a"))
    assert api.delete("connections/a").body["status"] == "Success"
    assert api.get("connections/a").reason == "NotFound"
    assert api.delete("connections/a").reason == "NotFound"


def a_finalizer_holds_an_object(api: Api) -> None:
    api.post("connections", connection("a", finalizers=[HOLD]))
    found = api.delete("connections/a")
    assert found.body["metadata"]["generation"] == 2
    again = api.delete("connections/a")
    assert again.body == found.body
    api.get("connections/a")


def an_object_goes_with_its_last_finalizer(api: Api) -> None:
    api.post("connections", connection("a", finalizers=[HOLD, "example.com/second"]))
    api.delete("connections/a")
    assert api.patch("connections/a", {"metadata": {"finalizers": [HOLD]}}).code == 200
    api.get("connections/a")
    assert api.patch("connections/a", {"metadata": {"finalizers": None}}).code == 200
    assert api.get("connections/a").code == 404


def a_put_without_the_finalizer_ends_an_object(api: Api) -> None:
    api.post("connections", connection("a", finalizers=[HOLD]))
    ending = api.delete("connections/a")
    assert api.put("connections/a", connection("a", resourceVersion=ending.version)).code == 200
    assert api.get("connections/a").code == 404


def what_is_ending_gets_no_new_finalizer(api: Api) -> None:
    api.post("connections", connection("a", finalizers=[HOLD]))
    api.delete("connections/a")
    found = api.patch("connections/a", {"metadata": {"finalizers": [HOLD, "example.com/late"]}})
    assert (found.code, found.reason) == (422, "Invalid")


def what_is_not_ending_gets_a_finalizer(api: Api) -> None:
    api.post("connections", connection("a"))
    assert api.patch("connections/a", {"metadata": {"finalizers": [HOLD]}}).code == 200
    assert "deletionTimestamp" in api.delete("connections/a").body["metadata"]


def what_is_ending_can_be_written(api: Api) -> None:
    api.post("connections", connection("a", finalizers=[HOLD]))
    api.delete("connections/a")
    api.patch("connections/a", {"metadata": {"labels": {"team": "shop"}}})
    assert api.patch("connections/a", {"spec": {"allowedClasses": ["x"]}}).body["metadata"]["generation"] == 3
    assert api.patch("connections/a/status", observed(3)).code == 200


def a_status_patch_does_not_end_an_object(api: Api) -> None:
    api.post("connections", connection("a", finalizers=[HOLD]))
    api.delete("connections/a")
    assert api.patch("connections/a/status", observed(1, finalizers=None)).code == 200
    assert api.get("connections/a").code == 200


def the_name_of_what_is_ending_is_taken(api: Api) -> None:
    api.post("connections", connection("a", finalizers=[HOLD]))
    api.delete("connections/a")
    assert api.post("connections", connection("a")).reason == "AlreadyExists"


def the_end_cannot_be_taken_back(api: Api) -> None:
    api.post("connections", connection("a", finalizers=[HOLD]))
    api.delete("connections/a")
    found = api.patch("connections/a", {"metadata": {"deletionTimestamp": None}})
    assert "deletionTimestamp" in found.body["metadata"]


def another_uid_is_not_deleted(api: Api) -> None:
    api.post("connections", connection("a"))
    found = api.delete("connections/a", {"preconditions": {"uid": "another"}})
    assert (found.code, found.reason) == (409, "Conflict")


def another_version_is_not_deleted(api: Api) -> None:
    made = api.post("connections", connection("a"))
    api.patch("connections/a/status", observed(1))
    found = api.delete("connections/a", {"preconditions": {"resourceVersion": made.version}})
    assert (found.code, found.reason) == (409, "Conflict")


def what_is_meant_is_deleted(api: Api) -> None:
    made = api.post("incidents", incident("a"))
    meant = {"resourceVersion": made.version, "uid": made.body["metadata"]["uid"]}
    assert api.delete("incidents/a", {"preconditions": meant}).code == 200
