"""Watches: what they begin with, what they tell, and how they end."""

from typing import Any

from tests.conformance.api import METADATA, Aged, Api, connection, incident, observed, secret

HOLD = "example.com/hold"
ALL = "/apis/watchbill.dev/v1alpha1/connections"


def what_happens_after_a_list_is_told_in_order(api: Api) -> None:
    api.post("connections", connection("before"))
    with api.watch("connections", resourceVersion=api.get("connections").version) as watch:
        api.post("connections", connection("a"))
        api.patch("connections/a", {"spec": {"allowedClasses": ["x"]}})
        api.patch("connections/a/status", observed(2))
        api.delete("connections/a")
        api.post("connections", connection("a"))
        told = watch.take(5)
    assert [event["type"] for event in told] == ["ADDED", "MODIFIED", "MODIFIED", "DELETED", "ADDED"]


def what_happened_before_the_watch_began_is_told(api: Api) -> None:
    made = api.post("connections", connection("a"))
    api.patch("connections/a/status", observed(1))
    api.delete("connections/a")
    with api.watch("connections", resourceVersion=made.version) as watch:
        watch.take(2)


def the_end_has_a_version_of_its_own(api: Api) -> None:
    made = api.post("connections", connection("a"))
    api.delete("connections/a")
    with api.watch("connections", resourceVersion=made.version) as watch:
        (end,) = watch.take(1)
    assert int(end["object"]["metadata"]["resourceVersion"]) > int(made.version)


def an_object_with_a_finalizer_ends_in_two_steps(api: Api) -> None:
    made = api.post("connections", connection("a", finalizers=[HOLD]))
    api.delete("connections/a")
    api.patch("connections/a", {"metadata": {"finalizers": None}})
    with api.watch("connections", resourceVersion=made.version) as watch:
        told = watch.take(2)
    assert [event["type"] for event in told] == ["MODIFIED", "DELETED"]


def a_write_that_changes_nothing_is_not_told(api: Api) -> None:
    made = api.post("connections", connection("a"))
    api.patch("connections/a", {})
    api.patch("connections/a/status", observed(1))
    api.patch("connections/a/status", observed(1))
    api.patch("connections/a/status", observed(2))
    with api.watch("connections", resourceVersion=made.version) as watch:
        watch.take(2)


def other_kinds_and_namespaces_are_not_told(api: Api) -> None:
    other = f"{api.namespace}-b"
    api.quietly("POST", "/api/v1/namespaces", {"metadata": {"name": other}})
    begin = api.get("connections").version
    path = f"/apis/watchbill.dev/v1alpha1/namespaces/{other}/connections"
    api.quietly("POST", path, connection("theirs"))
    api.post("incidents", incident("a"))
    api.post("connections", connection("mine"))
    with api.watch("connections", resourceVersion=begin) as watch:
        watch.take(1)


def a_watch_of_everywhere_tells_of_every_namespace(api: Api) -> None:
    other = f"{api.namespace}-b"
    api.quietly("POST", "/api/v1/namespaces", {"metadata": {"name": other}})
    begin = api.get("connections").version
    api.quietly("POST", f"/apis/watchbill.dev/v1alpha1/namespaces/{other}/connections", connection("theirs"))
    api.post("connections", connection("mine"))
    with api.watch(ALL, resourceVersion=begin) as watch:
        watch.take(2)


def a_watch_goes_on_after_the_last_event_that_was_seen(api: Api) -> None:
    made = api.post("connections", connection("a"))
    api.patch("connections/a/status", observed(1))
    api.patch("connections/a/status", observed(2))
    with api.watch("connections", resourceVersion=made.version) as watch:
        seen = watch.take(1)[0]["object"]["metadata"]["resourceVersion"]
    with api.watch("connections", resourceVersion=seen) as watch:
        watch.take(1)


def a_watch_without_a_version_begins_with_what_is_there(api: Api) -> None:
    for name in "ba":
        api.post("connections", connection(name))
    # The real one begins with its cache, which is as new as this by then, and may be older before.
    api.quietly("GET", "connections")
    with api.watch("connections") as watch:
        assert [event["object"]["metadata"]["name"] for event in watch.take(2)] == ["a", "b"]
        api.post("connections", connection("c"))
        watch.take(1)


def a_watch_from_any_version_begins_with_what_is_there(api: Api) -> None:
    api.post("connections", connection("a"))
    with api.watch("connections", resourceVersion=0) as watch:
        watch.take(1)
        api.delete("connections/a")
        watch.take(1)


def a_bookmark_ends_what_was_there(api: Api) -> None:
    api.post("connections", connection("a"))
    with api.watch("connections", allowWatchBookmarks="true") as watch:
        told = watch.take(2)
        api.post("connections", connection("b"))
        watch.take(1)
    assert [event["type"] for event in told] == ["ADDED", "BOOKMARK"]


def a_watch_from_a_version_begins_without_a_bookmark(api: Api) -> None:
    made = api.post("connections", connection("a"))
    with api.watch("connections", allowWatchBookmarks="true", resourceVersion=made.version) as watch:
        api.delete("connections/a")
        assert watch.take(1)[0]["type"] == "DELETED"


def a_watch_of_the_forgotten_past_ends_with_410_in_the_stream(api: Api) -> None:
    made = api.post("connections", connection("a"))
    api.delete("connections/a")
    api.server.forget()
    version = Aged(made.version)
    with api.watch("connections", resourceVersion=version, allowWatchBookmarks="true") as watch:
        (told,) = watch.rest()
    assert (told["type"], told["object"]["code"]) == ("ERROR", 410)


def a_watch_of_metadata_tells_of_metadata(api: Api) -> None:
    made = api.post("connections", connection("a"))
    api.patch("connections/a", {"metadata": {"labels": {"team": "shop"}}})
    api.delete("connections/a")
    with api.watch("connections", METADATA, resourceVersion=made.version) as watch:
        told = watch.take(2)
    assert [event["type"] for event in told] == ["MODIFIED", "DELETED"]
    assert {event["object"]["kind"] for event in told} == {"PartialObjectMetadata"}


def a_watch_of_metadata_of_the_forgotten_past_ends_with_410_too(api: Api) -> None:
    made = api.post("connections", connection("a"))
    api.delete("connections/a")
    api.server.forget()
    with api.watch("connections", METADATA, resourceVersion=Aged(made.version)) as watch:
        (told,) = watch.rest()
    assert (told["type"], told["object"]["code"]) == ("ERROR", 410)


def a_watch_ends_when_its_time_is_over(api: Api) -> None:
    made = api.post("connections", connection("a"))
    with api.watch("connections", resourceVersion=made.version, timeoutSeconds=1) as watch:
        assert watch.rest() == []


def a_bookmark_before_the_end_tells_how_far_the_watch_has_come(api: Api) -> None:
    made = api.post("connections", connection("a"))
    other = f"{api.namespace}-b"
    api.quietly("POST", "/api/v1/namespaces", {"metadata": {"name": other}})
    query: dict[str, Any] = {
        "resourceVersion": made.version,
        "timeoutSeconds": 4,
        "allowWatchBookmarks": "true",
    }
    unasked = query | {"allowWatchBookmarks": "false"}
    with api.watch("connections", **query) as watch, api.watch("connections", **unasked) as silent:
        path = f"/apis/watchbill.dev/v1alpha1/namespaces/{other}/connections"
        api.quietly("POST", path, connection("theirs"))
        told = watch.rest()
        assert silent.rest() == []
    assert [event["type"] for event in told] == ["BOOKMARK"], told


def a_watch_of_kubernetes_own_kinds_says_the_kind(api: Api) -> None:
    with api.watch("secrets") as watch:
        api.post("secrets", secret("a"))
        assert watch.take(1)[0]["object"]["kind"] == "Secret"


def a_namespace_is_told_of_when_it_ends(api: Api) -> None:
    other = f"{api.namespace}-b"
    made = api.post("/api/v1/namespaces", {"metadata": {"name": other}})
    api.delete(f"/api/v1/namespaces/{other}")
    with api.watch("/api/v1/namespaces", resourceVersion=made.version) as watch:
        (told,) = watch.take(1)
    assert told["object"]["status"]["phase"] == "Terminating"


def what_is_not_served_is_not_watched(api: Api) -> None:
    assert api.refused_watch("/apis/watchbill.dev/v1alpha1/nothings").code == 404


def a_watch_begins_at_a_number(api: Api) -> None:
    assert api.refused_watch("connections", resourceVersion="abc").code == 500
    assert api.refused_watch("connections", timeoutSeconds="abc").code == 400
