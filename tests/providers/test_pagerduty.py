"""What PagerDuty alone does: severities, its routing key, its limits; and its own document."""

import json
from functools import cache
from typing import Any

import pytest
from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest, MockResponse
from openapi_core.validation.exceptions import ValidationError

from dev.fake_pagerduty import FakePagerDuty
from tests.providers.pages import (
    KEY,
    NOW,
    acknowledge,
    effects_for,
    incident,
    request_for,
    resolve,
    settings_for,
    trigger,
)
from tests.support.specs import vendor_document
from watchbill.api.connection import PagerDuty
from watchbill.core.outcomes import Result
from watchbill.providers.contract import Response, Settings
from watchbill.providers.registry import PROVIDERS

PROVIDER = PROVIDERS["pagerDuty"]


def payload(**changes: Any) -> dict[str, Any]:
    body = json.loads(request_for("pagerDuty", trigger(incident(**changes))).body)
    return dict(body["payload"])


def parse(status: int, body: dict[str, Any] | bytes) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return PROVIDER.parse(Response(status, {}, raw), NOW)


@pytest.mark.parametrize(
    ("rank", "expected"), [(1, "critical"), (2, "error"), (3, "warning"), (4, "info"), (10, "info")]
)
def test_the_rank_becomes_the_vendors_severity(rank: int, expected: str):
    assert payload(rank=rank)["severity"] == expected


def test_a_summary_is_cut_at_1024_characters_and_keeps_what_follows_the_title():
    request = request_for("pagerDuty", trigger(incident(title="t" * 2000), repeated=True))
    summary = json.loads(request.body)["payload"]["summary"]
    assert len(summary) == 1024
    assert summary.startswith("SEV-1: ttt")
    assert summary.endswith("t… (repeated)")


def test_the_key_of_the_page_is_the_dedup_key():
    keys = {
        json.loads(request_for("pagerDuty", effect).body)["dedup_key"] for effect in effects_for(PROVIDER)
    }
    assert keys == {KEY}


def test_the_origin_may_carry_a_path():
    vendor = PagerDuty.model_validate(
        {
            "routingKeySecretRef": {"name": "pagerduty", "key": "routingKey"},
            "baseURL": "http://proxy.example.com/pagerduty/",
        }
    )
    settings = Settings(vendor, settings_for("pagerDuty").secrets)
    assert (
        request_for("pagerDuty", trigger(), settings).url == "http://proxy.example.com/pagerduty/v2/enqueue"
    )


def test_an_accepted_event_gives_the_vendors_key():
    verdict = parse(202, {"status": "success", "message": "Event processed", "dedup_key": KEY})
    assert (verdict.result, verdict.external_id) == (Result.OK, KEY)


@pytest.mark.parametrize(
    "error",
    [
        "Invalid routing key",
        "Length of 'routing_key' is incorrect (should be 32 characters)",
        "'routing_key' is missing or blank",
    ],
)
def test_a_complaint_about_the_routing_key_is_about_the_credential(error: str):
    verdict = parse(400, {"status": "invalid event", "message": "Event object is invalid", "errors": [error]})
    assert verdict.result is Result.AUTH
    assert error in verdict.message


def test_any_other_complaint_is_permanent_and_quoted():
    verdict = parse(
        400,
        {
            "status": "invalid event",
            "message": "Event object is invalid",
            "errors": ["'payload.source' is missing or blank"],
        },
    )
    assert verdict.result is Result.PERMANENT
    assert "'payload.source' is missing or blank" in verdict.message


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        pytest.param(202, b"", Result.OK, id="202 without a body is the vendor's code"),
        pytest.param(202, b"<html>", Result.OK, id="202 with a strange body is the vendor's code"),
        pytest.param(200, b"", Result.OK, id="200 without a body"),
        pytest.param(200, b"<html>log in here</html>", Result.UNKNOWN, id="200 with a proxy's page"),
    ],
)
def test_a_good_answer_that_is_not_the_vendors_is_not_believed(status: int, body: bytes, expected: Result):
    assert parse(status, body).result is expected


@cache
def document() -> OpenAPI:
    # The saved document is checked as data, not as a model of how to write one.
    config = Config(spec_validator_cls=None)  # type: ignore[arg-type]  # documented, and not in its types
    found = vendor_document("pagerduty/events-v2_openapiv3.json")
    return OpenAPI.from_dict(json.loads(found.read_text()), config=config)


def as_seen(body: bytes) -> MockRequest:
    return MockRequest(
        "https://events.pagerduty.com", "post", "/v2/enqueue", data=body, content_type="application/json"
    )


@pytest.mark.parametrize(
    "effect",
    [
        pytest.param(trigger(), id="a page"),
        pytest.param(trigger(incident(rank=4, summary="", services=())), id="a page of the least severity"),
        pytest.param(acknowledge(), id="an acknowledgement"),
        pytest.param(resolve(), id="a resolve"),
    ],
)
def test_the_request_is_valid_by_the_vendors_document(effect: Any):
    document().validate_request(as_seen(request_for("pagerDuty", effect).body))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"event_action": "page"}, id="an unknown action"),
        pytest.param({"routing_key": None}, id="no routing key"),
        pytest.param({"payload": {"summary": "x", "source": "y"}}, id="no severity"),
        pytest.param({"payload": {"summary": "x", "source": "y", "severity": "SEV-1"}}, id="our severity"),
    ],
)
def test_the_vendors_document_refuses(change: dict[str, Any]):
    event = json.loads(request_for("pagerDuty", trigger()).body) | change
    with pytest.raises(ValidationError):
        document().validate_request(as_seen(json.dumps(event).encode()))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(request_for("pagerDuty", trigger()).body, 202, id="a page"),
        pytest.param(request_for("pagerDuty", acknowledge()).body, 202, id="an acknowledgement"),
        pytest.param(request_for("pagerDuty", resolve()).body, 202, id="a resolve"),
        pytest.param(b'{"routing_key": "short", "event_action": "trigger"}', 400, id="a bad routing key"),
        pytest.param(b"not JSON", 400, id="no JSON"),
    ],
)
def test_our_fakes_answer_is_valid_by_the_vendors_document(body: bytes, status: int):
    found, answer = FakePagerDuty().enqueue(body)
    assert found == status
    response = MockResponse(json.dumps(answer).encode(), status_code=found, content_type="application/json")
    document().validate_response(as_seen(body), response)


def test_the_vendors_document_refuses_an_answer_without_its_status():
    request = as_seen(request_for("pagerDuty", trigger()).body)
    response = MockResponse(b"{}", status_code=202, content_type="application/json")
    with pytest.raises(ValidationError):
        document().validate_response(request, response)
