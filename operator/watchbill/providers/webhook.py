"""Any HTTP endpoint that takes CloudEvents 1.0, signed as Standard Webhooks has it.

The event: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
The signature: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from watchbill.api.connection import Webhook
from watchbill.api.group import GROUP
from watchbill.api.model import format_time, is_url
from watchbill.core import texts
from watchbill.core.effects import PageEffect, SendPage, hop_of
from watchbill.providers.contract import (
    Capability,
    Misconfigured,
    Rate,
    Request,
    Response,
    Settings,
    Verdict,
)
from watchbill.providers.retryable import verdict_of
from watchbill.providers.secret_values import secret

URL = "webhook.url"
URL_SECRET = "webhook.urlSecretRef"
SIGNING_KEY = "webhook.signingKeySecretRef"

EVENT_TYPE = "dev.watchbill.page"
TITLE_LIMIT = 1024
SERVICES_LIMIT = 50

_KEY_PREFIX = "whsec_"


class WebhookProvider:
    """Pages by posting a CloudEvent; a receiver that honors its id takes each page once."""

    name = "webhook"
    unkeyed = True
    real = True
    capabilities: frozenset[Capability] = frozenset(("acknowledge", "resolve"))
    # Ours: no receiver says what it takes, and one that is slower answers 429 or 503.
    rate = Rate(burst=100, per_second=50)

    def build(self, effect: PageEffect, settings: Settings, now: datetime) -> Request:
        """The event for the effect; its id is the page's key and the action, the same at every try."""
        vendor: Webhook = settings.vendor
        url, secrets = _address(vendor, settings)
        identity = f"{hop_of(effect).key}/{effect.action}"
        body = json.dumps(_event(effect, identity, now), ensure_ascii=False).encode()
        headers = {
            "content-type": "application/cloudevents+json",
            "idempotency-key": identity,
        }
        if vendor.signing_key_secret_ref is not None:
            key = _signing_key(secret(settings, SIGNING_KEY))
            headers |= signature_headers(key, identity, now, body)
        return Request("POST", url, headers, body, secrets)

    def parse(self, response: Response, now: datetime) -> Verdict:
        """What the receiver's answer means, by its status code alone: the body is anybody's."""
        return verdict_of(response, now)


def signature_headers(key: bytes, identity: str, now: datetime, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks: HMAC-SHA256 over id, whole seconds and body."""
    seconds = str(int(now.timestamp()))
    signed = f"{identity}.{seconds}.".encode() + body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": identity,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{digest}",
    }


def _signing_key(text: str) -> bytes:
    """The key's bytes: base64 after `whsec_`, else the text as it stands."""
    if not text.startswith(_KEY_PREFIX):
        return text.encode()
    key = _from_base64(text.removeprefix(_KEY_PREFIX))
    if not key:
        raise Misconfigured(SIGNING_KEY, f"after `{_KEY_PREFIX}` the key must be in base64")
    return key


def _from_base64(text: str) -> bytes:
    """The bytes that the text stands for; none where it is no base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _address(vendor: Webhook, settings: Settings) -> tuple[str, tuple[str, ...]]:
    """Where to post, and what of it must be shown nowhere."""
    if vendor.url_secret_ref is None:
        if vendor.url is None or not is_url(vendor.url):
            raise Misconfigured(URL, "must be an http or https URL")
        return vendor.url, ()
    url = secret(settings, URL_SECRET)
    if not is_url(url):
        raise Misconfigured(URL_SECRET, "the key of the Secret must hold an http or https URL")
    parts = urlsplit(url)
    secrets = (url, f"{parts.path}?{parts.query}" if parts.query else parts.path, parts.query)
    return url, tuple(text for text in secrets if len(text) > 1)


def _event(effect: PageEffect, identity: str, now: datetime) -> dict[str, Any]:
    incident = effect.incident
    plural = "runbookruns" if incident.is_run else "incidents"
    return {
        "specversion": "1.0",
        "id": identity,
        "source": f"/{GROUP}/namespaces/{incident.namespace}/{plural}/{incident.name}",
        "type": EVENT_TYPE,
        "time": format_time(now),
        "datacontenttype": "application/json",
        "data": _data(effect),
    }


def _data(effect: PageEffect) -> dict[str, Any]:
    incident, page = effect.incident, effect.page
    found: dict[str, Any] = {
        "action": effect.action,
        "uid": incident.uid,
        "key": hop_of(effect).key,
        "title": texts.cut(texts.neutral(incident.title), TITLE_LIMIT),
        "severity": incident.severity,
        "rank": incident.rank,
        "namespace": incident.namespace,
        "incident": incident.name,
        "page": page.id,
        "epoch": page.epoch,
        "round": page.round,
        "level": page.level,
        "services": [texts.neutral(name) for name in incident.services[:SERVICES_LIMIT]],
        "text": texts.page_text(effect),
    }
    if not isinstance(effect, SendPage):
        return found | {"by": texts.neutral(effect.by)}
    return found | {
        "summary": texts.summary(incident),
        "acknowledge": texts.acknowledge_command(effect),
        "repeated": effect.repeated,
        "late": page.late,
        "unseenSince": effect.unseen_since,
    }
