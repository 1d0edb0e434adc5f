"""The part of PagerDuty that a page meets: Events API v2, with the vendor's own words for what is wrong.

The table is keyed as the vendor's is: a trigger on an open key updates its alert, and after a resolve the
same key opens a new one. https://developer.pagerduty.com/docs/send-alert-event
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Literal

ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")
ROUTING_KEY_LENGTH = 32
DEDUP_KEY_LIMIT = 255
SUMMARY_LIMIT = 1024

Answer = tuple[int, dict[str, Any]]


@dataclass
class Alert:
    """One alert as a person on call would see it."""

    routing_key: str
    dedup_key: str
    state: Literal["triggered", "acknowledged", "resolved"] = "triggered"
    triggers: int = 1
    """How many trigger events it took in; people were notified by the first."""
    payload: dict[str, Any] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """The title that people read."""
        return str(self.payload.get("summary", ""))


class FakePagerDuty:
    """Alerts by their keys; `routing_keys` are those that exist, all where it is None."""

    def __init__(self, routing_keys: Collection[str] | None = None) -> None:
        self.routing_keys = routing_keys
        self.alerts: list[Alert] = []

    def alert(self, dedup_key: str) -> Alert | None:
        """The newest alert under the key."""
        return next((alert for alert in reversed(self.alerts) if alert.dedup_key == dedup_key), None)

    def enqueue(self, body: bytes) -> Answer:
        """The answer to one event, which then has taken effect."""
        try:
            event = json.loads(body)
        except ValueError:
            return 400, {
                "status": "Unrecognized object",
                "message": "Event object format is unrecognized",
                "errors": ["JSON parse error"],
            }
        if not isinstance(event, dict):
            return _invalid(["Event must be an object"])
        errors = [*self._key_errors(event.get("routing_key")), *_event_errors(event)]
        if errors:
            return _invalid(errors)
        key = event.get("dedup_key") or f"generated-{len(self.alerts)}"
        self._apply(event, key)
        return 202, {"status": "success", "message": "Event processed", "dedup_key": key}

    def _apply(self, event: dict[str, Any], key: str) -> None:
        routing_key, action = event["routing_key"], event["event_action"]
        alert = self.alert(key)
        is_open = alert is not None and alert.state != "resolved" and alert.routing_key == routing_key
        if action == "trigger":
            if alert is not None and is_open:
                alert.triggers += 1
                alert.payload = event["payload"]
            else:
                self.alerts.append(Alert(routing_key, key, payload=event["payload"]))
        elif alert is not None and is_open:
            # Without an open alert the vendor takes the event and drops it.
            alert.state = "acknowledged" if action == "acknowledge" else "resolved"

    def _key_errors(self, key: object) -> list[str]:
        if not isinstance(key, str) or not key:
            return ["'routing_key' is missing or blank"]
        errors = []
        if len(key) != ROUTING_KEY_LENGTH:
            errors.append(f"Length of 'routing_key' is incorrect (should be {ROUTING_KEY_LENGTH} characters)")
        if not (key.isascii() and key.isalnum()):
            errors.append("'routing_key' cannot contain non-alphanumeric characters.")
        if not errors and self.routing_keys is not None and key not in self.routing_keys:
            errors.append("Invalid routing key")
        return errors


def _event_errors(event: dict[str, Any]) -> list[str]:
    errors = []
    action, key = event.get("event_action"), event.get("dedup_key")
    if action not in ACTIONS:
        errors.append("'event_action' is missing or not one of " + ", ".join(ACTIONS))
    if action != "trigger" and not key:
        errors.append("'dedup_key' is missing or blank")
    if isinstance(key, str) and len(key) > DEDUP_KEY_LIMIT:
        errors.append(f"'dedup_key' is longer than {DEDUP_KEY_LIMIT} characters")
    if action == "trigger":
        errors += _payload_errors(event.get("payload"))
    return errors


def _payload_errors(payload: object) -> list[str]:
    if not isinstance(payload, dict):
        return ["'payload' is missing or blank"]
    errors = [
        f"'payload.{name}' is missing or blank"
        for name in ("summary", "source", "severity")
        if not isinstance(payload.get(name), str) or not payload[name]
    ]
    if len(str(payload.get("summary", ""))) > SUMMARY_LIMIT:
        errors.append(f"'payload.summary' is longer than {SUMMARY_LIMIT} characters")
    if not errors and payload["severity"] not in SEVERITIES:
        errors.append("'payload.severity' is invalid (must be one of " + ", ".join(SEVERITIES) + ")")
    return errors


def _invalid(errors: list[str]) -> Answer:
    return 400, {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
