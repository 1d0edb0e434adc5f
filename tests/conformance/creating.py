"""Creating objects."""

from tests.conformance.api import Api, connection, incident, incident_class, secret


def what_the_server_adds_to_a_new_object(api: Api) -> None:
    found = api.post("connections", connection("a", labels={"team": "shop"}))
    assert found.code == 201
    assert found.body["metadata"]["generation"] == 1


def a_name_is_taken_once(api: Api) -> None:
    api.post("connections", connection("a"))
    found = api.post("connections", connection("a", "another"))
    assert (found.code, found.reason) == (409, "AlreadyExists")


def a_status_is_dropped_at_creation(api: Api) -> None:
    assert "status" not in api.post("incidents", incident("a") | {"status": {"phase": "Resolved"}}).body
    assert "status" not in api.get("incidents/a").body


def what_only_the_server_may_set_is_ignored_at_creation(api: Api) -> None:
    long_ago = "2020-01-01T00:00:00Z"
    forged = {"uid": "forged", "generation": 7, "creationTimestamp": long_ago, "deletionTimestamp": long_ago}
    assert api.post("connections", connection("a", **forged)).body["metadata"]["uid"] != "forged"


def what_is_empty_or_unknown_in_metadata_is_dropped(api: Api) -> None:
    empty: dict[str, object] = {"labels": {}, "annotations": {}, "finalizers": [], "bogus": "x"}
    api.post("connections", connection("a", **empty))


def a_name_is_generated(api: Api) -> None:
    body = connection("a")
    body["metadata"] = {"generateName": "pager-"}
    found = api.post("connections", body)
    assert found.body["metadata"]["name"].startswith("pager-")


def a_generated_name_is_cut_to_63_characters(api: Api) -> None:
    body = connection("a")
    body["metadata"] = {"generateName": "p" * 70}
    assert len(api.post("connections", body).body["metadata"]["name"]) == 63


def generated_names_differ(api: Api) -> None:
    body = secret("a")
    body["metadata"] = {"generateName": "key-"}
    names = {api.post("secrets", body).body["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3


def an_object_needs_a_name(api: Api) -> None:
    assert api.post("secrets", {"metadata": {}}).code == 422


def a_new_object_has_no_version(api: Api) -> None:
    assert api.post("connections", connection("a", resourceVersion="5")).code == 500
    assert api.get("connections/a").code == 404


def an_object_goes_where_its_path_says(api: Api) -> None:
    assert api.post("connections", connection("a", namespace="elsewhere")).reason == "BadRequest"
    assert api.post("connections", connection("a", namespace=api.namespace)).code == 201


def a_namespace_must_be_there(api: Api) -> None:
    path = "/apis/watchbill.dev/v1alpha1/namespaces/nowhere/connections"
    assert api.post(path, connection("a")).reason == "NotFound"
    assert api.post("/api/v1/namespaces/nowhere/events", {"metadata": {"name": "a"}}).reason == "NotFound"


def an_object_of_a_crd_says_its_kind(api: Api) -> None:
    assert api.post("connections", {"spec": {}}).reason == "BadRequest"


def an_object_is_of_the_kind_of_its_path(api: Api) -> None:
    assert api.post("connections", connection("a") | {"kind": "Incident"}).reason == "Invalid"


def an_object_is_of_the_version_of_its_path(api: Api) -> None:
    assert api.post("connections", connection("a") | {"apiVersion": "v1"}).reason == "BadRequest"


def what_is_no_json_is_refused(api: Api) -> None:
    assert api.post("connections", None, text="{oops").reason == "BadRequest"
    assert api.post("secrets", None, text="").reason == "BadRequest"
    assert api.post("secrets", []).reason == "BadRequest"


def an_object_without_a_namespace(api: Api) -> None:
    assert "namespace" not in api.post("incidentclasses", incident_class(api.namespace)).body["metadata"]
    api.get(f"incidentclasses/{api.namespace}")
    assert api.delete(f"incidentclasses/{api.namespace}").code == 200


def all_kinds_share_one_counter_of_versions(api: Api) -> None:
    made = [
        api.post("connections", connection("a")),
        api.post("secrets", secret("a")),
        api.post("incidents", incident("a")),
        api.patch("connections/a", {"metadata": {"labels": {"team": "shop"}}}),
    ]
    versions = [int(each.version) for each in made]
    assert versions == sorted(set(versions))


def who_comes_again_under_the_same_name_is_somebody_else(api: Api) -> None:
    first = api.post("connections", connection("a"))
    api.delete("connections/a")
    second = api.post("connections", connection("a"))
    assert first.body["metadata"]["uid"] != second.body["metadata"]["uid"]
    assert int(second.version) > int(first.version) + 1, "the deletion takes a version too"
