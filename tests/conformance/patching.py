"""RFC 7386 merge patches of whole objects."""

from tests.conformance.api import Api, allowing, connection, incident, observed

LABEL = {"metadata": {"labels": {"team": "shop"}}}


def a_patch_is_merged_into_the_object(api: Api) -> None:
    api.post("incidents", incident("a"))
    found = api.patch("incidents/a", {"spec": {"acknowledgedBy": {"admin": {}}}})
    assert found.body["spec"]["title"] == "Checkout is down"
    assert found.body["metadata"]["generation"] == 2
    api.get("incidents/a")


def null_removes_what_it_names(api: Api) -> None:
    api.post("incidents", incident("a"))
    api.patch("incidents/a", {"spec": {"acknowledgedBy": {"admin": {}}}})
    found = api.patch("incidents/a", {"spec": {"acknowledgedBy": {"admin": None}}})
    assert found.body["spec"]["acknowledgedBy"] == {}
    found = api.patch("incidents/a", {"spec": {"acknowledgedBy": None}})
    assert "acknowledgedBy" not in found.body["spec"]
    assert found.body["metadata"]["generation"] == 4


def null_where_nothing_is_changes_nothing(api: Api) -> None:
    made = api.post("incidents", incident("a"))
    assert api.patch("incidents/a", {"spec": {"acknowledgedBy": None}}).version == made.version


def null_in_a_new_part_adds_nothing(api: Api) -> None:
    api.post("incidents", incident("a"))
    found = api.patch("incidents/a", {"spec": {"acknowledgedBy": {"admin": {"note": None}}}})
    assert found.body["spec"]["acknowledgedBy"] == {"admin": {}}


def a_list_is_replaced_as_a_whole(api: Api) -> None:
    api.post("connections", connection("a", "first", "second"))
    found = api.patch("connections/a", allowing("third"))
    assert found.body["spec"]["allowedClasses"] == ["third"]


def a_stale_patch_is_a_conflict(api: Api) -> None:
    made = api.post("connections", connection("a"))
    api.patch("connections/a", LABEL)
    found = api.patch("connections/a", allowing("x") | {"metadata": {"resourceVersion": made.version}})
    assert (found.code, found.reason) == (409, "Conflict")
    api.get("connections/a")


def a_stale_patch_that_changes_nothing_is_a_conflict_too(api: Api) -> None:
    made = api.post("connections", connection("a"))
    api.patch("connections/a", LABEL)
    assert api.patch("connections/a", {"metadata": {"resourceVersion": made.version}}).code == 409


def a_fresh_patch_is_taken(api: Api) -> None:
    made = api.post("connections", connection("a"))
    found = api.patch("connections/a", allowing("x") | {"metadata": {"resourceVersion": made.version}})
    assert found.code == 200


def without_a_version_the_last_patch_wins(api: Api) -> None:
    api.post("connections", connection("a"))
    api.patch("connections/a", allowing("x"))
    assert api.patch("connections/a", allowing("y")).body["spec"]["allowedClasses"] == ["y"]


def a_patch_that_changes_nothing_writes_nothing(api: Api) -> None:
    made = api.post("connections", connection("a", "standard"))
    assert api.patch("connections/a", {}).version == made.version
    assert api.patch("connections/a", allowing("standard")).version == made.version


def a_label_is_no_new_generation(api: Api) -> None:
    made = api.post("connections", connection("a"))
    found = api.patch("connections/a", LABEL)
    assert found.body["metadata"]["generation"] == 1
    assert found.version != made.version


def the_last_label_takes_the_labels_with_it(api: Api) -> None:
    api.post("connections", connection("a", labels={"team": "shop"}))
    assert (
        "labels" not in api.patch("connections/a", {"metadata": {"labels": {"team": None}}}).body["metadata"]
    )


def a_patch_cannot_take_the_version_away(api: Api) -> None:
    api.post("connections", connection("a"))
    for version in (None, "", "0"):
        assert api.patch("connections/a", {"metadata": {"resourceVersion": version}}).code == 422


def a_patch_of_the_uid_is_refused(api: Api) -> None:
    api.post("connections", connection("a"))
    assert api.patch("connections/a", {"metadata": {"uid": "another"}}).code == 422


def a_patch_stays_with_its_object(api: Api) -> None:
    api.post("connections", connection("a"))
    assert api.patch("connections/a", {"metadata": {"name": "b"}}).code == 400
    assert api.patch("connections/a", {"metadata": {"namespace": "elsewhere"}}).code == 400
    assert api.patch("connections/a", {"kind": "Incident"}).code == 422


def a_patch_of_what_only_the_server_may_set_is_ignored(api: Api) -> None:
    made = api.post("connections", connection("a"))
    forged = {"generation": 9, "creationTimestamp": "2020-01-01T00:00:00Z"}
    assert api.patch("connections/a", {"metadata": forged}).version == made.version


def an_end_is_not_patched_in(api: Api) -> None:
    api.post("connections", connection("a"))
    assert api.patch("connections/a", {"metadata": {"deletionTimestamp": "2020-01-01T00:00:00Z"}}).code == 422


def a_status_in_a_patch_is_ignored(api: Api) -> None:
    made = api.post("connections", connection("a"))
    assert api.patch("connections/a", observed(1)).version == made.version
    api.patch("connections/a/status", observed(1))
    found = api.patch("connections/a", allowing("x") | {"status": None})
    assert found.body["status"] == {"observedGeneration": 1}


def nothing_is_patched_that_is_not_there(api: Api) -> None:
    assert api.patch("connections/a", LABEL).reason == "NotFound"


def what_is_no_patch_is_refused(api: Api) -> None:
    api.post("connections", connection("a"))
    assert api.patch("connections/a", None, text="{oops").code == 400
    assert api.patch("connections/a", []).code == 400


def a_patch_says_of_which_sort_it_is(api: Api) -> None:
    api.post("connections", connection("a"))
    api.post("secrets", {"metadata": {"name": "a"}})
    assert api.patch("connections/a", LABEL, content_type="application/json").code == 415
    assert api.patch("secrets/a", LABEL, content_type="application/json").code == 415
