"""What the models accept, keep and write."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from tests.support.manifests import ACCEPTANCE, documents, parsed
from watchbill.api.condition import Condition, following
from watchbill.api.connection import VENDORS, Connection
from watchbill.api.escalation_policy import EscalationPolicy
from watchbill.api.group import API_VERSION
from watchbill.api.incident import Incident
from watchbill.api.incident_class import Bookmark
from watchbill.api.incident_status import IncidentStatus
from watchbill.api.kinds import KINDS
from watchbill.api.model import ceil_to_millisecond, format_time

OURS = [
    document
    for file in sorted(ACCEPTANCE.glob("*.yaml"))
    for document in documents(file.name)
    if document["apiVersion"] == API_VERSION
]
T0 = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("document", OURS, ids=lambda d: f"{d['kind']}-{d['metadata']['name']}")
def test_a_manifest_as_users_type_it_is_accepted(document):
    assert parsed(document).metadata.name == document["metadata"]["name"]


def test_every_kind_that_people_write_from_git_is_among_the_manifests():
    assert {document["kind"] for document in OURS} == {kind.name for kind in KINDS} - {"IncidentUpdate"}


def test_every_field_of_the_manifests_is_a_field_of_the_models():
    for document in OURS:
        written = parsed(document).spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
        assert written == document["spec"]


def test_a_status_of_a_newer_operator_survives_a_round_trip():
    status = {
        "phase": "Triggered",
        "newer": {"a": [1, 2]},
        "escalation": {"epoch": 2, "newer": "kept"},
        "pages": [
            {
                "id": "p-1",
                "epoch": 2,
                "round": 1,
                "level": "primary",
                "dueTime": "2026-03-29T01:30:00.000Z",
                "state": "Accepted",
                "newer": True,
                "hops": [
                    {
                        "connection": "pagerduty",
                        "namespace": "shop",
                        "key": "uid/1",
                        "state": "Accepted",
                        "newer": 7,
                    }
                ],
            }
        ],
    }
    assert IncidentStatus.model_validate(status).to_json() == status


def test_a_word_of_a_newer_operator_is_read_as_what_is_safe_to_take_it_for():
    page = {"id": "p", "epoch": 1, "round": 1, "level": "first", "dueTime": "2026-03-09T03:00:00Z"}
    hop = {"connection": "pager", "namespace": "shop", "key": "uid/1", "state": "Queued"}
    status = IncidentStatus.model_validate(
        {
            "phase": "Mobilizing",
            "publicPhase": "Verifying",
            "escalation": {"state": "Bundling"},
            "pages": [page | {"state": "Bundled", "hops": [hop]}],
        }
    )
    assert status.phase is None
    assert status.public_phase is None
    assert status.escalation.state == "Waiting"
    assert status.pages[0].state == "Superseded"
    assert status.pages[0].hops[0].state == "Unknown"


def test_a_field_of_a_newer_spec_is_ignored():
    incident = Incident.model_validate({"spec": {"title": "x", "severity": "SEV-1", "newer": 1}})
    assert incident.spec.title == "x"


def test_an_empty_status_is_written_as_nothing():
    assert IncidentStatus().to_json() == {}


@pytest.mark.parametrize(
    ("microsecond", "written"),
    [
        (0, "2026-03-29T01:30:00.000Z"),
        (1, "2026-03-29T01:30:00.001Z"),
        (1000, "2026-03-29T01:30:00.001Z"),
        (999_001, "2026-03-29T01:30:01.000Z"),
    ],
)
def test_a_time_is_rounded_up_so_that_a_stored_deadline_is_never_early(microsecond, written):
    moment = T0 + timedelta(microseconds=microsecond)
    assert format_time(moment) == written
    assert ceil_to_millisecond(moment) >= moment


def test_a_time_is_written_in_utc():
    assert format_time(T0.astimezone(timezone(timedelta(hours=2)))) == "2026-03-29T01:30:00.000Z"


def test_a_time_without_zone_is_refused():
    with pytest.raises(ValidationError, match=r"escalation\.snoozeUntilTime"):
        Incident.model_validate(
            {
                "spec": {
                    "title": "x",
                    "severity": "SEV-1",
                    "escalation": {"snoozeUntilTime": "2026-01-01T00:00:00"},
                }
            }
        )


def test_a_condition_keeps_its_time_while_its_status_stays():
    def condition(status, time, message=""):
        return Condition(
            type="Resolved", status=status, reason="NotYet", message=message, last_transition_time=time
        )

    later = T0 + timedelta(minutes=1)
    (same,) = following([condition("False", T0)], [condition("False", later, "said anew")], later)
    assert (same.last_transition_time, same.message) == (T0, "said anew")
    (turned,) = following([condition("False", T0)], [condition("True", T0)], later)
    assert turned.last_transition_time == later
    (first,) = following([], [condition("False", T0)], later)
    assert first.last_transition_time == later


def test_a_policy_without_last_resort_is_refused_by_its_path():
    (policy,) = [d for d in documents("team.yaml") if d["kind"] == "EscalationPolicy"]
    del policy["spec"]["lastResort"]
    with pytest.raises(ValidationError) as refused:
        EscalationPolicy.model_validate(policy)
    assert [error["loc"] for error in refused.value.errors()] == [("spec", "lastResort")]


URLS = {
    "https://hooks.example.com/page?token=a": True,
    "http://127.0.0.1:8080/all-hands": True,
    "http://[::1]:8080/": True,
    "https://example.com": True,
    "https://": False,
    "example.com/page": False,
    "ftp://example.com": False,
    "https://user:secret@example.com": False,
    "https://example.com:http/": False,
    "https://exa mple.com": False,
    "https://example.com/a page": False,
    "https:///page": False,
}


@pytest.mark.parametrize("url", URLS)
def test_a_url_is_http_with_a_host_and_without_user_information(url):
    spec = {"spec": {"webhook": {"url": url}}}
    if URLS[url]:
        assert Connection.model_validate(spec).spec.vendor == "webhook"
        return
    with pytest.raises(ValidationError) as refused:
        Connection.model_validate(spec)
    assert [error["loc"] for error in refused.value.errors()] == [("spec", "webhook", "url")]


LINKS = {
    "https://runbooks.example.com/checkout?team=shop#first-steps": True,
    "http://127.0.0.1:8080/": True,
    "http://[::1]:8080/": True,
    "https://example.com": True,
    "https://b\u00fccher.example.com/": False,
    "https://example.com/caf\u00e9": False,
    "https://example.com/a page": False,
    "https://user:secret@example.com/": False,
    "ftp://example.com/": False,
    "https://": False,
    "https://example.com/" + "x" * 236: True,
    "https://example.com/" + "x" * 237: False,
}


@pytest.mark.parametrize("url", LINKS, ids=lambda url: url[:64])
def test_a_bookmark_leads_to_a_url_in_ascii_of_256_characters_at_most(url):
    bookmark = {"title": "Runbook", "url": url}
    if LINKS[url]:
        assert Bookmark.model_validate(bookmark).url == url
        return
    with pytest.raises(ValidationError) as refused:
        Bookmark.model_validate(bookmark)
    assert [error["loc"] for error in refused.value.errors()] == [("url",)]


def test_a_connection_tells_its_vendor_and_the_secrets_that_it_names():
    spec = Connection.model_validate(
        {"spec": {"pagerDuty": {"routingKeySecretRef": {"name": "pagerduty", "key": "routingKey"}}}}
    ).spec
    assert spec.vendor == "pagerDuty"
    assert list(spec.secret_refs) == ["pagerDuty.routingKeySecretRef"]
    empty = Connection.model_validate({"spec": {}}).spec
    assert (empty.vendor, empty.secret_refs) == ("", {})


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendor_is_a_field_of_the_connection(vendor):
    aliases = {
        field.alias for field in type(Connection.model_validate({"spec": {}}).spec).model_fields.values()
    }
    assert vendor in aliases
