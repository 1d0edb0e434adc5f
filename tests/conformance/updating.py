"""Replacing objects by PUT."""

from tests.conformance.api import Api, connection, observed


def an_object_is_replaced_at_its_version(api: Api) -> None:
    made = api.post("connections", connection("a", labels={"team": "shop"}))
    found = api.put("connections/a", connection("a", "standard", resourceVersion=made.version))
    assert found.body["metadata"]["generation"] == 2
    assert "labels" not in found.body["metadata"]


def a_stale_object_is_not_put(api: Api) -> None:
    made = api.post("connections", connection("a"))
    api.put("connections/a", connection("a", "first", resourceVersion=made.version))
    found = api.put("connections/a", connection("a", "second", resourceVersion=made.version))
    assert (found.code, found.reason) == (409, "Conflict")
    api.get("connections/a")


def a_version_of_the_future_is_a_conflict_too(api: Api) -> None:
    api.post("connections", connection("a"))
    assert api.put("connections/a", connection("a", resourceVersion="999999999")).code == 409


def a_put_says_which_version_is_meant(api: Api) -> None:
    api.post("connections", connection("a"))
    assert api.put("connections/a", connection("a")).code == 422
    assert api.put("connections/a", connection("a", resourceVersion="0")).code == 422


def a_version_is_a_number(api: Api) -> None:
    api.post("connections", connection("a"))
    assert api.put("connections/a", connection("a", resourceVersion="abc")).code == 500


def a_put_of_another_uid_is_a_conflict(api: Api) -> None:
    made = api.post("connections", connection("a"))
    found = api.put("connections/a", connection("a", resourceVersion=made.version, uid="another"))
    assert (found.code, found.reason) == (409, "Conflict")


def a_put_names_the_object_of_its_path(api: Api) -> None:
    made = api.post("connections", connection("a"))
    assert api.put("connections/a", connection("b", resourceVersion=made.version)).reason == "BadRequest"
    nameless = connection("a") | {"metadata": {"resourceVersion": made.version}}
    assert api.put("connections/a", nameless).reason == "BadRequest"
    elsewhere = connection("a", resourceVersion=made.version, namespace="elsewhere")
    assert api.put("connections/a", elsewhere).reason == "BadRequest"


def a_put_creates_nothing_of_ours(api: Api) -> None:
    assert api.put("connections/a", connection("a")).code == 404


def a_put_that_changes_nothing_writes_nothing(api: Api) -> None:
    made = api.post("connections", connection("a", "standard"))
    found = api.put("connections/a", connection("a", "standard", resourceVersion=made.version))
    assert found.version == made.version


def what_was_read_can_be_put_back(api: Api) -> None:
    api.post("connections", connection("a", "standard", finalizers=["example.com/hold"]))
    api.patch("connections/a/status", observed(1))
    read = api.get("connections/a")
    read.body["spec"]["allowedClasses"] = []
    assert api.put("connections/a", read.body).code == 200


def labels_are_no_new_generation(api: Api) -> None:
    made = api.post("connections", connection("a"))
    found = api.put("connections/a", connection("a", resourceVersion=made.version, labels={"team": "shop"}))
    assert found.body["metadata"]["generation"] == 1
    assert found.version != made.version


def a_put_leaves_the_status_alone(api: Api) -> None:
    api.post("connections", connection("a"))
    made = api.patch("connections/a/status", observed(1))
    forged = connection("a", "standard", resourceVersion=made.version) | observed(9)
    found = api.put("connections/a", forged)
    assert found.body["status"] == {"observedGeneration": 1}
    found = api.put("connections/a", connection("a", resourceVersion=found.version))
    assert found.body["status"] == {"observedGeneration": 1}


def what_only_the_server_may_set_stays_as_it_is(api: Api) -> None:
    made = api.post("connections", connection("a"))
    forged = {"generation": 7, "creationTimestamp": "2020-01-01T00:00:00Z"}
    found = api.put("connections/a", connection("a", "standard", resourceVersion=made.version, **forged))
    assert found.body["metadata"]["generation"] == 2


def an_end_is_not_set_by_hand(api: Api) -> None:
    made = api.post("connections", connection("a"))
    forged = connection("a", resourceVersion=made.version, deletionTimestamp="2020-01-01T00:00:00Z")
    assert api.put("connections/a", forged).code == 422


def a_whole_list_is_not_put(api: Api) -> None:
    assert api.put("connections", connection("a")).code == 400
    assert api.patch("connections", {"spec": {}}).code == 400
