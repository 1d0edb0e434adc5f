"""The status, which is written apart from all else."""

from tests.conformance.api import Api, connection, incident, observed

STATUS = "connections/a/status"


def a_status_patch_writes_the_status_alone(api: Api) -> None:
    made = api.post("connections", connection("a", labels={"team": "shop"}))
    forged = {"labels": {"team": "other"}, "annotations": {"a": "b"}, "finalizers": ["example.com/hold"]}
    found = api.patch(STATUS, observed(1, **forged) | {"spec": {"allowedClasses": ["x"]}})
    assert found.body["spec"] == made.body["spec"]
    assert found.body["metadata"]["generation"] == 1
    api.get("connections/a")


def a_uid_in_a_status_patch_is_ignored(api: Api) -> None:
    made = api.post("connections", connection("a"))
    found = api.patch(STATUS, observed(1, uid="another"))
    assert found.code == 200
    assert found.body["metadata"]["uid"] == made.body["metadata"]["uid"]


def a_stale_status_patch_is_a_conflict(api: Api) -> None:
    made = api.post("connections", connection("a"))
    api.patch(STATUS, observed(1, resourceVersion=made.version))
    found = api.patch(STATUS, observed(2, resourceVersion=made.version))
    assert (found.code, found.reason) == (409, "Conflict")
    assert api.get("connections/a").body["status"] == {"observedGeneration": 1}


def a_change_of_the_spec_makes_a_status_patch_stale(api: Api) -> None:
    made = api.post("connections", connection("a"))
    api.patch("connections/a", {"spec": {"allowedClasses": ["x"]}})
    assert api.patch(STATUS, observed(1, resourceVersion=made.version)).code == 409


def a_status_patch_for_the_one_before_is_a_conflict(api: Api) -> None:
    made = api.post("connections", connection("a"))
    api.delete("connections/a")
    assert api.patch(STATUS, observed(1, resourceVersion=made.version)).code == 404
    api.post("connections", connection("a"))
    assert api.patch(STATUS, observed(1, resourceVersion=made.version)).code == 409


def a_status_patch_that_changes_nothing_writes_nothing(api: Api) -> None:
    api.post("connections", connection("a"))
    first = api.patch(STATUS, observed(1))
    assert api.patch(STATUS, observed(1)).version == first.version
    assert api.patch(STATUS, observed(1, labels={"team": "shop"})).version == first.version


def a_stale_status_patch_that_changes_nothing_is_a_conflict_too(api: Api) -> None:
    made = api.post("connections", connection("a"))
    api.patch(STATUS, observed(1))
    assert api.patch(STATUS, observed(1, resourceVersion=made.version)).code == 409


def null_removes_a_part_of_the_status(api: Api) -> None:
    api.post("incidents", incident("a"))
    api.patch("incidents/a/status", {"status": {"phase": "Triggered", "commander": "ana"}})
    found = api.patch("incidents/a/status", {"status": {"commander": None}})
    assert found.body["status"] == {"phase": "Triggered"}


def null_removes_the_whole_status(api: Api) -> None:
    api.post("connections", connection("a"))
    api.patch(STATUS, observed(1))
    assert api.patch(STATUS, {"status": {"observedGeneration": None}}).body["status"] == {}
    assert "status" not in api.patch(STATUS, {"status": None}).body


def a_status_is_of_the_object_of_its_path(api: Api) -> None:
    api.post("connections", connection("a"))
    assert api.patch(STATUS, {"metadata": {"name": "b"}}).code == 400
    assert api.patch(STATUS, {"metadata": {"namespace": "elsewhere"}}).code == 400
    assert api.patch("connections/b/status", observed(1)).code == 404


def a_status_is_patched_at_a_version_that_is_one(api: Api) -> None:
    api.post("connections", connection("a"))
    assert api.patch(STATUS, observed(1, resourceVersion="abc")).code == 500
    assert api.patch(STATUS, observed(1, resourceVersion="")).code == 422


def a_status_is_put(api: Api) -> None:
    made = api.post("connections", connection("a", labels={"team": "shop"}))
    found = api.put(STATUS, connection("a", "x", resourceVersion=made.version) | observed(2))
    assert found.body["spec"] == made.body["spec"]
    assert found.body["status"] == {"observedGeneration": 2}
    assert "status" not in api.put(STATUS, connection("a", resourceVersion=found.version)).body


def a_status_is_put_at_its_version_and_uid(api: Api) -> None:
    made = api.post("connections", connection("a"))
    assert api.put(STATUS, connection("a") | observed(1)).code == 422
    assert api.put(STATUS, connection("a", resourceVersion="1") | observed(1)).code == 409
    forged = connection("a", resourceVersion=made.version, uid="another")
    assert api.put(STATUS, forged | observed(1)).code == 409


def a_status_is_read_with_its_object(api: Api) -> None:
    api.post("connections", connection("a"))
    assert api.get(STATUS).body == api.get("connections/a").body


def a_status_is_neither_created_nor_deleted(api: Api) -> None:
    api.post("connections", connection("a"))
    assert api.delete(STATUS).code == 405
    assert api.post(STATUS, connection("a")).code == 405
