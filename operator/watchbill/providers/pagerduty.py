"""PagerDuty by its Events API v2: one endpoint, one key for each alert.

The request and its limits: https://developer.pagerduty.com/docs/send-alert-event
"""

import json
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any

from watchbill.api.connection import PagerDuty
from watchbill.api.model import format_time
from watchbill.core import texts
from watchbill.core.effects import PageEffect, SendPage, hop_of
from watchbill.core.outcomes import Result
from watchbill.providers.contract import Capability, Rate, Request, Response, Settings, Verdict
from watchbill.providers.retryable import MESSAGE_LIMIT, verdict_of
from watchbill.providers.secret_values import secret

ROUTING_KEY = "pagerDuty.routingKeySecretRef"

SUMMARY_LIMIT = 1024
SEVERITIES = {1: "critical", 2: "error", 3: "warning"}
"""The vendor's word for each rank of the class's matrix; anything less bad is `info`."""

_KEY_COMPLAINTS = ("routing_key", "routing key")


class PagerDutyProvider:
    """Pages a service of PagerDuty; the outward key is the vendor's `dedup_key`."""

    name = "pagerDuty"
    unkeyed = False
    real = True
    capabilities: frozenset[Capability] = frozenset(("acknowledge", "resolve"))
    # About 120 events a minute for one integration key, lowered by the vendor under load:
    # https://developer.pagerduty.com/docs/events-api-v2-overview
    rate = Rate(burst=120, per_second=2)

    def build(self, effect: PageEffect, settings: Settings, now: datetime) -> Request:
        """The event for the effect; a page always says the moment it was due, so a retry is the same."""
        vendor: PagerDuty = settings.vendor
        routing_key = secret(settings, ROUTING_KEY)
        event: dict[str, Any] = {
            "routing_key": routing_key,
            "event_action": effect.action,
            "dedup_key": hop_of(effect).key,
        }
        if isinstance(effect, SendPage):
            event |= {"client": "Watchbill", "payload": _payload(effect)}
        return Request(
            method="POST",
            url=f"{vendor.base_url.rstrip('/')}/v2/enqueue",
            headers={"content-type": "application/json"},
            body=json.dumps(event, ensure_ascii=False).encode(),
            secrets=(routing_key,),
        )

    def parse(self, response: Response, now: datetime) -> Verdict:
        """What PagerDuty's answer means; its complaint about the routing key is about the credential."""
        body = _object(response.body)
        complaint = _complaint(body)
        verdict = verdict_of(response, now, complaint)
        if verdict.result is Result.OK:
            return _accepted(response, body)
        bad_key = any(word in complaint.lower() for word in _KEY_COMPLAINTS)
        if response.status == HTTPStatus.BAD_REQUEST and bad_key:
            return replace(verdict, result=Result.AUTH)
        return verdict


def _payload(effect: SendPage) -> dict[str, Any]:
    incident = effect.incident
    details = {
        "severity": incident.severity,
        "affected": texts.services(incident),
        "level": effect.page.level,
        "summary": texts.summary(incident),
        "note": " ".join(texts.warnings(effect)),
        "acknowledge": texts.how_to_acknowledge(effect),
    }
    return {
        "summary": texts.title_line(effect, SUMMARY_LIMIT),
        "source": f"{incident.namespace}/{incident.name}",
        "severity": SEVERITIES.get(incident.rank, "info"),
        "timestamp": format_time(effect.page.due_time),
        "group": incident.namespace,
        "class": texts.neutral(incident.severity),
        "custom_details": {name: value for name, value in details.items() if value},
    }


def _accepted(response: Response, body: dict[str, Any] | None) -> Verdict:
    if body is None and response.status != HTTPStatus.ACCEPTED and response.body:
        # The vendor answers 202. A page of a proxy in between is no sign that anybody was paged.
        return Verdict(
            Result.UNKNOWN,
            reason="UnexpectedAnswer",
            message=f"HTTP {response.status} without PagerDuty's answer: is a proxy in between?",
        )
    key = (body or {}).get("dedup_key", "")
    return Verdict(Result.OK, external_id=key if isinstance(key, str) else "")


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _complaint(body: dict[str, Any] | None) -> str:
    """What the vendor says is wrong, in one line; empty where it says nothing."""
    if body is None:
        return ""
    errors = body.get("errors", [])
    said = [body.get("message", ""), *(errors if isinstance(errors, list) else [errors])]
    return texts.cut("; ".join(str(part) for part in said if part), MESSAGE_LIMIT)
