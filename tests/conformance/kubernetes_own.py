"""Leases, Secrets and Events, in what they differ from our kinds."""

from tests.conformance.api import Api, Body, lease, secret


def _event(name: str, **rest: object) -> Body:
    moment = "2026-01-01T00:00:00Z"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name},
        "reason": "Escalated",
        "message": "level primary opened",
        "type": "Normal",
        "count": 1,
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "source": {"component": "watchbill"},
        "reportingComponent": "watchbill",
        "reportingInstance": "one",
    } | rest


def _about(api: Api) -> Body:
    return {"involvedObject": {"kind": "Incident", "namespace": api.namespace, "name": "cart", "uid": "u"}}


def a_lease_is_created_once(api: Api) -> None:
    assert api.get("leases/a").code == 404
    found = api.post("leases", lease("a"))
    assert "generation" not in found.body["metadata"]
    assert api.post("leases", lease("a", "two")).reason == "AlreadyExists"


def of_two_that_read_the_same_lease_one_takes_it(api: Api) -> None:
    read = api.post("leases", lease("a")).body
    assert api.put("leases/a", read | {"spec": read["spec"] | {"holderIdentity": "two"}}).code == 200
    found = api.put("leases/a", read | {"spec": read["spec"] | {"holderIdentity": "three"}})
    assert (found.code, found.reason) == (409, "Conflict")
    assert api.get("leases/a").body["spec"]["holderIdentity"] == "two"


def a_lease_is_put_at_its_version(api: Api) -> None:
    api.post("leases", lease("a"))
    assert api.put("leases/a", lease("a", "two")).code == 422


def a_lease_that_is_renewed_with_the_same_content_keeps_its_version(api: Api) -> None:
    read = api.post("leases", lease("a"))
    assert api.put("leases/a", read.body).version == read.version


def a_put_creates_a_lease(api: Api) -> None:
    assert api.put("leases/a", lease("a")).code == 201
    assert api.put("leases/b", lease("b", resourceVersion="5")).code == 201
    assert api.put("leases/c", lease("c", uid="another")).code == 409


def a_lease_that_was_deleted_is_put_anew_by_who_read_it(api: Api) -> None:
    read = api.post("leases", lease("a"))
    api.delete("leases/a")
    body = read.body | {"metadata": {"name": "a", "resourceVersion": read.version}}
    assert api.put("leases/a", body).code == 201


def a_lease_that_was_deleted_is_not_put_by_its_uid(api: Api) -> None:
    read = api.post("leases", lease("a"))
    api.delete("leases/a")
    assert api.put("leases/a", read.body).code == 409


def a_lease_is_patched(api: Api) -> None:
    api.post("leases", lease("a"))
    assert api.patch("leases/a", {"spec": {"holderIdentity": ""}}).body["spec"]["holderIdentity"] == ""
    assert "holderIdentity" not in api.patch("leases/a", {"spec": {"holderIdentity": None}}).body["spec"]
    stale = {"spec": {"holderIdentity": "two"}, "metadata": {"resourceVersion": "1"}}
    assert api.patch("leases/a", stale).code == 409


def a_secret_is_read_as_it_was_written(api: Api) -> None:
    assert api.get("secrets/a").code == 404
    api.post("secrets", secret("a"))
    assert api.get("secrets/a").body["data"] == {"key": "aGVsbG8="}


def a_secret_is_put_without_a_version(api: Api) -> None:
    api.post("secrets", secret("a"))
    assert api.put("secrets/a", secret("a") | {"data": {"key": "Ynll"}}).code == 200
    assert api.put("secrets/a", secret("a", resourceVersion="1")).code == 409
    assert api.put("secrets/a", secret("a", uid="another")).code == 409
    assert api.put("secrets/b", secret("b")).code == 404


def a_secret_is_patched_without_a_version(api: Api) -> None:
    api.post("secrets", secret("a"))
    found = api.patch(
        "secrets/a", {"metadata": {"resourceVersion": ""}, "data": {"key": None, "other": "Ynll"}}
    )
    assert found.body["data"] == {"other": "Ynll"}


def a_value_in_a_secret_is_rotated(api: Api) -> None:
    made = api.post("secrets", secret("a"))
    found = api.patch("secrets/a", {"data": {"key": "Ynll"}})
    assert int(found.version) > int(made.version)


def a_secret_with_a_finalizer_ends_in_two_steps(api: Api) -> None:
    api.post("secrets", secret("a", finalizers=["example.com/hold"]))
    api.delete("secrets/a")
    api.patch("secrets/a", {"metadata": {"finalizers": None}})
    assert api.get("secrets/a").code == 404


def refusals_of_a_secret(api: Api) -> None:
    api.post("secrets", secret("a"))
    assert api.post("secrets", secret("a")).reason == "AlreadyExists"
    assert api.patch("secrets/a", {"metadata": {"uid": "another"}}).code == 422
    assert api.delete("secrets/a", {"preconditions": {"uid": "another"}}).code == 409
    assert api.delete("secrets/a").code == 200
    assert api.delete("secrets/a").code == 404


def a_secret_has_no_status_apart(api: Api) -> None:
    api.post("secrets", secret("a"))
    assert api.patch("secrets/a/status", {"status": {}}).code == 404


def an_event_is_counted_on(api: Api) -> None:
    api.post("events", _event("a") | _about(api))
    assert api.post("events", _event("a") | _about(api)).reason == "AlreadyExists"
    found = api.patch("events/a", {"lastTimestamp": "2026-01-01T00:00:09Z"})
    assert found.body["count"] == 1
    again = api.patch("events/a", {"count": 2, "lastTimestamp": "2026-01-01T00:00:09Z"})
    assert again.body["count"] == 2
    assert api.patch("events/a", {"count": 2}).version == again.version


def an_event_that_was_forgotten_is_not_patched(api: Api) -> None:
    assert api.patch("events/a", {"count": 2}).reason == "NotFound"
    api.post("events", _event("a") | _about(api))
    api.delete("events/a")
    assert api.patch("events/a", {"count": 2}).reason == "NotFound"


def a_put_creates_an_event(api: Api) -> None:
    assert api.put("events/a", _event("a") | _about(api)).code == 201
    assert api.put("events/a", _event("a", count=2) | _about(api)).body["count"] == 2
