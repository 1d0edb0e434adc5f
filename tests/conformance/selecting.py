"""Lists of what has certain values in certain fields."""

from tests.conformance.api import Api, connection, incident


def _three(api: Api) -> None:
    for name, severity in (("bad", "SEV-1"), ("mild", "SEV-2"), ("worse", "SEV-1")):
        api.quietly("POST", "incidents", incident(name, severity=severity))
    api.patch("incidents/worse/status", {"status": {"phase": "Acknowledged"}})


def a_field_of_a_kind_selects(api: Api) -> None:
    _three(api)
    assert api.get("incidents", fieldSelector="spec.severity=SEV-1").names == ["bad", "worse"]
    assert api.get("incidents", fieldSelector="spec.severity==SEV-2").names == ["mild"]


def a_field_of_the_status_selects(api: Api) -> None:
    _three(api)
    assert api.get("incidents", fieldSelector="status.phase=Acknowledged").names == ["worse"]


def a_field_that_is_not_there_has_the_empty_text(api: Api) -> None:
    _three(api)
    assert api.get("incidents", fieldSelector="status.phase!=Acknowledged").names == ["bad", "mild"]
    assert api.get("incidents", fieldSelector="status.phase=").names == ["bad", "mild"]


def several_fields_must_all_fit(api: Api) -> None:
    _three(api)
    both = "status.phase!=Acknowledged,spec.severity=SEV-1"
    assert api.get("incidents", fieldSelector=both).names == ["bad"]


def a_name_selects(api: Api) -> None:
    api.quietly("POST", "connections", connection("a"))
    api.quietly("POST", "connections", connection("b"))
    assert api.get("connections", fieldSelector="metadata.name=b").names == ["b"]


def a_selection_comes_in_pages_that_do_not_count_the_rest(api: Api) -> None:
    _three(api)
    first = api.get("incidents", fieldSelector="spec.severity=SEV-1", limit=1)
    assert "remainingItemCount" not in first.body["metadata"]
    second = api.get("incidents", fieldSelector="spec.severity=SEV-1", limit=1, continue_=first.token)
    assert [*first.names, *second.names] == ["bad", "worse"]


def a_field_that_does_not_select_is_refused(api: Api) -> None:
    assert api.get("incidents", fieldSelector="spec.title=x").code == 400
    assert api.get("connections", fieldSelector="status.phase=x").code == 400


def a_label_selects(api: Api) -> None:
    api.quietly("POST", "connections", connection("a", labels={"team": "shop"}))
    api.quietly("POST", "connections", connection("b", labels={"team": "bank"}))
    api.quietly("POST", "connections", connection("c"))
    assert api.get("connections", labelSelector="team=shop").names == ["a"]
    assert api.get("connections", labelSelector="team!=shop").names == ["b", "c"]
    assert api.get("connections", labelSelector="team=nobody").names == []
