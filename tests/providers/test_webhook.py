"""What the webhook alone does: the event, the signature, and URLs that are credentials."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.providers.pages import KEY, NOW, UID, effects_for, incident, request_for, settings_for, trigger
from watchbill.api.connection import Webhook
from watchbill.providers.contract import Misconfigured, Settings
from watchbill.providers.registry import PROVIDERS
from watchbill.providers.webhook import signature_headers


def settings(**secrets: str) -> Settings:
    """The example's settings with other values in its Secret."""
    paths = {f"webhook.{name}": text for name, text in secrets.items()}
    return Settings(settings_for("webhook").vendor, {**settings_for("webhook").secrets, **paths})


def plain(url: str) -> Settings:
    return Settings(Webhook(url=url))


def event(**changes: Any) -> dict[str, Any]:
    return dict(json.loads(request_for("webhook", trigger(**changes)).body))


def test_the_event_has_what_cloudevents_demands():
    found = event()
    assert found["specversion"] == "1.0"
    assert found["id"] == f"{KEY}/trigger"
    assert found["source"] == "/watchbill.dev/namespaces/shop/incidents/checkout-500s"
    assert found["type"] == "dev.watchbill.page"
    assert datetime.fromisoformat(found["time"]) == NOW
    assert {name for name in found if not name.isalnum() or name != name.lower()} == set()


def test_a_page_about_a_run_comes_from_the_run():
    assert (
        event(facts=incident(is_run=True))["source"]
        == "/watchbill.dev/namespaces/shop/runbookruns/checkout-500s"
    )


def test_the_data_says_what_the_design_promises():
    data = event(repeated=True)["data"]
    expected = {"action": "trigger", "uid": UID, "key": KEY, "severity": "SEV-1", "repeated": True}
    assert expected.items() <= data.items()
    assert data["title"] == "Checkout returns 500 for every card payment"


def test_each_action_has_an_id_of_its_own_so_that_a_resolve_is_not_taken_for_its_page():
    requests = [request_for("webhook", effect) for effect in effects_for(PROVIDERS["webhook"])]
    identities = [f"{KEY}/{action}" for action in ("trigger", "acknowledge", "resolve")]
    assert [request.headers["idempotency-key"] for request in requests] == identities
    assert [request.headers["webhook-id"] for request in requests] == identities
    assert [json.loads(request.body)["id"] for request in requests] == identities


def test_the_content_type_is_that_of_a_structured_event():
    assert request_for("webhook", trigger()).headers["content-type"] == "application/cloudevents+json"


def test_the_signature_is_the_one_that_others_compute():
    # The example in the documentation of Svix, from which Standard Webhooks was made.
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    sent = datetime.fromtimestamp(1614265330, UTC)
    headers = signature_headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", sent, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param("whsec_bm90IGEgcmVhbCBrZXk=", b"not a real key", id="base64 after whsec_"),
        pytest.param("bm90IGEgcmVhbCBrZXk=", b"bm90IGEgcmVhbCBrZXk=", id="any other text as it stands"),
        pytest.param("clé", "clé".encode(), id="text beyond ASCII"),
    ],
)
def test_a_receiver_can_check_the_signature_of_the_very_bytes(text: str, key: bytes):
    request = request_for("webhook", trigger(), settings(signingKeySecretRef=text))
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode()
    digest = hmac.new(key, signed + request.body, hashlib.sha256).digest()
    assert request.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_without_a_signing_key_nothing_is_signed():
    headers = request_for("webhook", trigger(), plain("https://pager.example.com/")).headers
    assert set(headers) == {"content-type", "idempotency-key"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("whsec_", id="nothing after whsec_"),
        pytest.param("whsec_not base64!", id="no base64 after whsec_"),
        pytest.param("whsec_schlüssel", id="letters beyond ASCII after whsec_"),
    ],
)
def test_a_signing_key_that_cannot_work_is_named_and_not_quoted(text: str):
    with pytest.raises(Misconfigured, match=r"^spec\.webhook\.signingKeySecretRef: ") as caught:
        request_for("webhook", trigger(), settings(signingKeySecretRef=text))
    key = text.removeprefix("whsec_")
    assert not key or key not in f"{caught.value} {caught.value.__context__!r}"


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("pager.example.com/hook", id="no scheme"),
        pytest.param("ftp://pager.example.com/hook", id="another scheme"),
        pytest.param("https://", id="no host"),
        pytest.param("https://ana:pass@pager.example.com/hook", id="user information"),
        pytest.param("https://pager.example.com/a b", id="white space"),
        pytest.param("https://pager.example.com:99999/", id="no such port"),
        pytest.param("https://pager.example.com/" + "x" * 2048, id="too long"),
    ],
)
def test_a_url_that_cannot_work_is_named_by_its_path_and_not_quoted(url: str):
    with pytest.raises(Misconfigured, match=r"^spec\.webhook\.urlSecretRef: ") as caught:
        request_for("webhook", trigger(), settings(urlSecretRef=url))
    assert url not in f"{caught.value} {caught.value.__context__!r}"


def test_the_path_of_a_secret_url_is_a_secret_by_itself():
    request = request_for(
        "webhook", trigger(), settings(urlSecretRef="https://pager.example.com/hook/abc?token=def")
    )
    assert {
        "https://pager.example.com/hook/abc?token=def",
        "/hook/abc?token=def",
        "token=def",
    } <= set(request.secrets)


def test_the_url_of_the_spec_is_no_secret():
    request = request_for("webhook", trigger(), plain("https://pager.example.com/hook"))
    assert (request.url, request.secrets) == ("https://pager.example.com/hook", ())


def test_a_url_of_the_spec_that_cannot_work_is_named_by_its_path():
    with pytest.raises(Misconfigured, match=r"^spec\.webhook\.url: must be an http or https URL$"):
        request_for("webhook", trigger(), plain("https://pager.example.com:99999/"))
