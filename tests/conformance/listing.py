"""Lists: their order, their pages, their past and their metadata."""

from tests.conformance.api import METADATA_LIST, Aged, Api, connection, incident_class, observed, secret


def _five(api: Api) -> None:
    for name in "cadbe":
        api.quietly("POST", "connections", connection(name))


def a_list_is_in_the_order_of_names(api: Api) -> None:
    _five(api)
    assert api.get("connections").names == ["a", "b", "c", "d", "e"]


def a_list_of_nothing_is_a_list(api: Api) -> None:
    assert api.get("connections").names == []
    assert api.get("events").names == []


def a_list_of_a_namespace_that_is_not_there_is_empty(api: Api) -> None:
    assert api.get("/apis/watchbill.dev/v1alpha1/namespaces/nowhere/incidents").names == []


def a_list_of_kubernetes_own_kinds_does_not_say_the_kind_of_each(api: Api) -> None:
    api.post("secrets", secret("a"))
    assert "kind" not in api.get("secrets").body["items"][0]


def a_list_is_as_new_as_the_last_write_of_any_kind(api: Api) -> None:
    api.post("connections", connection("a"))
    last = api.post("secrets", secret("a"))
    assert int(api.get("connections").version) >= int(last.version)


def a_list_comes_in_pages(api: Api) -> None:
    _five(api)
    first = api.get("connections", limit=2)
    second = api.get("connections", limit=2, continue_=first.token)
    third = api.get("connections", limit=2, continue_=second.token)
    assert [*first.names, *second.names, *third.names] == ["a", "b", "c", "d", "e"]
    assert first.version == second.version == third.version


def a_page_that_holds_all_is_the_last(api: Api) -> None:
    _five(api)
    for limit in (0, -1, 5, 6):
        assert "remainingItemCount" not in api.get("connections", limit=limit).body["metadata"]


def pages_are_of_the_moment_of_the_first(api: Api) -> None:
    _five(api)
    first = api.get("connections", limit=2)
    api.delete("connections/c")
    api.post("connections", connection("cc"))
    api.patch("connections/e/status", observed(1))
    second = api.get("connections", limit=2, continue_=first.token)
    third = api.get("connections", continue_=second.token)
    assert [*second.names, *third.names] == ["c", "d", "e"]
    assert "status" not in third.body["items"][0]


def the_rest_comes_without_a_limit(api: Api) -> None:
    _five(api)
    first = api.get("connections", limit=2)
    assert api.get("connections", continue_=first.token).names == ["c", "d", "e"]


def a_page_that_was_forgotten_is_gone(api: Api) -> None:
    _five(api)
    first = api.get("connections", limit=2)
    api.delete("connections/e")
    api.server.forget()
    found = api.get("connections", limit=2, continue_=Aged(first.token))
    assert (found.code, found.reason) == (410, "Expired")


def after_a_forgotten_page_one_can_go_on_with_the_present(api: Api) -> None:
    _five(api)
    first = api.get("connections", limit=2)
    api.delete("connections/c")
    api.post("connections", connection("cc"))
    api.server.forget()
    gone = api.get("connections", limit=2, continue_=Aged(first.token))
    second = api.get("connections", limit=2, continue_=gone.token)
    assert second.names == ["cc", "d"]
    assert api.get("connections", limit=2, continue_=second.token).names == ["e"]


def a_page_of_metadata_that_was_forgotten_is_gone(api: Api) -> None:
    _five(api)
    first = api.get("connections", METADATA_LIST, limit=2)
    api.delete("connections/e")
    api.server.forget()
    assert api.get("connections", METADATA_LIST, limit=2, continue_=Aged(first.token)).code == 410


def a_token_that_is_none_is_refused(api: Api) -> None:
    assert api.get("connections", limit=2, continue_="garbage").code == 400


def a_page_is_asked_for_by_its_token_alone(api: Api) -> None:
    _five(api)
    first = api.get("connections", limit=2)
    assert api.get("connections", limit=2, continue_=first.token, resourceVersion=5).code == 400


def a_limit_is_a_number(api: Api) -> None:
    assert api.get("connections", limit="many").code == 400


def a_version_of_a_list_is_a_number(api: Api) -> None:
    assert api.get("connections", resourceVersion="abc").code == 400


def a_list_of_any_version_is_not_cut(api: Api) -> None:
    _five(api)
    # The real one answers from its cache, which is as new as this by then, and may be older before.
    api.quietly("GET", "connections")
    assert len(api.get("connections", limit=2, resourceVersion=0).names) == 5


def a_list_not_older_than_a_version_holds_what_was_made_until_then(api: Api) -> None:
    api.post("connections", connection("a"))
    last = api.post("connections", connection("b")).version
    assert api.get("connections", resourceVersion=last).names == ["a", "b"]
    last = api.post("connections", connection("c")).version
    query = {"resourceVersion": last, "resourceVersionMatch": "NotOlderThan"}
    assert api.get("connections", **query).names == ["a", "b", "c"]


def a_list_of_exactly_a_version_is_of_the_past(api: Api) -> None:
    api.post("connections", connection("a"))
    api.post("connections", connection("b"))
    moment = api.patch("connections/a/status", observed(1))
    api.patch("connections/a/status", observed(2))
    api.delete("connections/b")
    api.post("connections", connection("c"))
    found = api.get("connections", resourceVersion=moment.version, resourceVersionMatch="Exact")
    assert found.names == ["a", "b"]
    assert found.body["items"][0]["status"] == {"observedGeneration": 1}


def a_page_from_a_version_is_of_exactly_that_version(api: Api) -> None:
    made = api.post("connections", connection("a"))
    api.post("connections", connection("b"))
    assert api.get("connections", resourceVersion=made.version, limit=5).names == ["a"]


def the_forgotten_past_is_gone(api: Api) -> None:
    made = api.post("connections", connection("a"))
    api.delete("connections/a")
    api.server.forget()
    found = api.get("connections", resourceVersion=Aged(made.version), resourceVersionMatch="Exact")
    assert (found.code, found.reason) == (410, "Expired")


def metadata_can_be_listed_alone(api: Api) -> None:
    api.post("connections", connection("a", labels={"team": "shop"}))
    api.patch("connections/a/status", observed(1))
    assert sorted(api.get("connections", METADATA_LIST).body["items"][0]) == [
        "apiVersion",
        "kind",
        "metadata",
    ]


def metadata_comes_in_pages_too(api: Api) -> None:
    _five(api)
    first = api.get("connections", METADATA_LIST, limit=3)
    assert api.get("connections", METADATA_LIST, limit=3, continue_=first.token).names == ["d", "e"]


def metadata_of_nothing_is_null(api: Api) -> None:
    assert api.get("connections", METADATA_LIST).body["items"] is None
    assert api.get("secrets", METADATA_LIST).body["items"] is None


def a_namespace_with_a_longer_name_comes_first(api: Api) -> None:
    other = f"{api.namespace}-b"
    api.quietly("POST", "/api/v1/namespaces", {"metadata": {"name": other}})
    api.quietly("POST", "connections", connection("mine"))
    path = f"/apis/watchbill.dev/v1alpha1/namespaces/{other}/connections"
    api.quietly("POST", path, connection("theirs"))
    everything = api.quietly("GET", "/apis/watchbill.dev/v1alpha1/connections", None)
    names = [each["metadata"]["name"] for each in everything["items"]]
    assert names.index("theirs") < names.index("mine")
    assert api.get(path).names == ["theirs"]


def a_namespace_whose_name_ends_alike_is_another(api: Api) -> None:
    other = f"b-{api.namespace}"
    api.quietly("POST", "/api/v1/namespaces", {"metadata": {"name": other}})
    api.quietly("POST", f"/apis/watchbill.dev/v1alpha1/namespaces/{other}/connections", connection("theirs"))
    assert api.get("connections").names == []


def cluster_wide_kinds_are_listed(api: Api) -> None:
    api.post("incidentclasses", incident_class(api.namespace))
    assert api.namespace in [
        each["metadata"]["name"] for each in api.quietly("GET", "incidentclasses", None)["items"]
    ]
    api.delete(f"incidentclasses/{api.namespace}")
