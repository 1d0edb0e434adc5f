"""What is served, and where."""

from tests.conformance.api import Api, Body, connection

GROUP = "/apis/watchbill.dev/v1alpha1"


def our_kinds_are_found(api: Api) -> None:
    found = api.quietly("GET", GROUP, None)
    rows: Body = {row["name"]: _without(row, "storageVersionHash") for row in found["resources"]}
    assert rows["incidents"] == {
        "name": "incidents",
        "singularName": "incident",
        "namespaced": True,
        "kind": "Incident",
        "verbs": ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"],
        "shortNames": ["inc"],
        "categories": ["watchbill"],
    }
    assert rows["incidentclasses"]["namespaced"] is False
    assert rows["escalationpolicies"]["singularName"] == "escalationpolicy"
    assert rows["connections/status"]["verbs"] == ["get", "patch", "update"]
    assert sorted(name for name in rows if "/" not in name) == [
        "connections",
        "escalationpolicies",
        "incidentclasses",
        "incidents",
        "incidentupdates",
        "runbookruns",
        "runbooks",
    ]


def our_group_is_found(api: Api) -> None:
    groups = {row["name"]: row for row in api.quietly("GET", "/apis", None)["groups"]}
    version = {"groupVersion": "watchbill.dev/v1alpha1", "version": "v1alpha1"}
    expected = {"name": "watchbill.dev", "versions": [version], "preferredVersion": version}
    assert groups["watchbill.dev"] == expected
    assert "coordination.k8s.io" in groups


def kubernetes_own_kinds_are_found(api: Api) -> None:
    assert api.quietly("GET", "/api", None)["versions"] == ["v1"]
    core = {row["name"]: row["kind"] for row in api.quietly("GET", "/api/v1", None)["resources"]}
    assert (core["secrets"], core["events"], core["namespaces"]) == ("Secret", "Event", "Namespace")
    leases = api.quietly("GET", "/apis/coordination.k8s.io/v1", None)["resources"]
    assert "leases" in [row["name"] for row in leases]


def a_kind_that_is_not_served(api: Api) -> None:
    assert api.get(f"{GROUP}/nothings").code == 404
    assert api.get("/apis/nothing.dev/v1/nothings").code == 404
    assert api.get("/apis/watchbill.dev/v2/connections").code == 404
    assert api.get("/api/v1/nothings").reason == "NotFound"
    assert api.get("/nothing").code == 404


def an_object_is_looked_for_where_its_kind_lives(api: Api) -> None:
    assert api.get(f"{GROUP}/connections/a").code == 404
    assert api.post(f"{GROUP}/connections", connection("a")).code == 404
    assert api.get(f"{GROUP}/namespaces/{api.namespace}/incidentclasses/a").code == 404


def an_object_that_is_not_there(api: Api) -> None:
    assert api.get("connections/a").reason == "NotFound"
    assert api.get("/apis/watchbill.dev/v1alpha1/incidentclasses/nothing").reason == "NotFound"
    assert api.get("/apis/watchbill.dev/v1alpha1/namespaces/nowhere/connections/a").reason == "NotFound"


def _without(body: Body, name: str) -> Body:
    return {key: value for key, value in body.items() if key != name}
