"""The vendors that a rehearsal pages: they keep their own record of what arrived, and when."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from dev.fake_pagerduty import FakePagerDuty
from dev.fake_slack import FakeSlack
from dev.receiver_http import Received
from tests.support.vendor import asked_path, host_of, response
from watchbill.providers.contract import Request, Response

ROUTING_KEYS = {"pagerduty": "canary0routing0key000000000000000"[:32], "second": "b" * 31 + "2"}
REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request that took effect at a vendor."""

    time: float
    begun: float
    """When it left the operator."""
    vendor: str
    action: str
    key: str
    level: str
    text: str
    by: str
    """The process that sent it."""

    @property
    def uid(self) -> str:
        """The UID of the incident."""
        return self.key.partition("/")[0]

    @property
    def epoch(self) -> int:
        """How often the incident was planned anew when it was sent, from 1 on."""
        return int(self.key.split("/")[1])

    @property
    def round(self) -> int:
        """The round of the policy's levels."""
        return int(self.key.split("/")[2])

    @property
    def is_repeated(self) -> bool:
        """Whether it says that it may have been there before."""
        return REPEATED in self.text


@dataclass
class Vendors:
    """PagerDuty, a webhook's receiver for each other host, and Slack."""

    now: Callable[[], float]
    wall: Callable[[], datetime]
    arrived: list[Arrival] = field(default_factory=list)
    beats: list[float] = field(default_factory=list)
    """When each heartbeat left the operator."""
    refusing: set[str] = field(default_factory=set)
    """The vendors that answer 503 to all."""
    slow: dict[str, float] = field(default_factory=dict)
    """Seconds that a vendor takes to answer."""
    pagerduty: FakePagerDuty = field(default_factory=FakePagerDuty)
    on_arrival: list[Callable[[], None]] = field(default_factory=list)
    """Called when something has arrived."""

    def __post_init__(self) -> None:
        self.slack = FakeSlack(clock=lambda: self.wall().timestamp())

    @property
    def pages(self) -> list[Arrival]:
        """What paged somebody."""
        return [each for each in self.arrived if each.action == "trigger"]

    def paged(self, level: str = "", uid: str = "", vendor: str = "") -> list[Arrival]:
        """The pages of a level, an incident and a vendor, or of any."""
        return [
            page
            for page in self.pages
            if level in ("", page.level) and uid in ("", page.uid) and vendor in ("", page.vendor)
        ]

    def take(self, request: Request, begun: float, by: str) -> Response:
        """The answer to a request, which takes effect now."""
        vendor = vendor_of(request)
        if vendor == "beats":
            self.beats.append(begun)
            return response(200)
        if vendor in self.refusing:
            return response(503)
        if vendor == "slack":
            return self._to_slack(request)
        body = json.loads(request.body)
        if vendor == "webhook":
            self._note(vendor_name(request), action_of(request), body["data"], begun, by)
            return response(204)
        code, answer = self.pagerduty.enqueue(request.body)
        if code == HTTPStatus.ACCEPTED:
            self._note(vendor_name(request), body["event_action"], _of_pagerduty(body), begun, by)
        return response(code, json=answer)

    @property
    def open_alerts(self) -> list[str]:
        """The keys that PagerDuty has open, acknowledged or not."""
        return [alert.dedup_key for alert in self.pagerduty.alerts if alert.state != "resolved"]

    def _note(self, vendor: str, action: str, told: dict[str, Any], begun: float, by: str) -> None:
        level, text = str(told.get("level", "")), str(told.get("text", ""))
        self.arrived.append(Arrival(self.now(), begun, vendor, action, told["key"], level, text, by))
        for call in self.on_arrival:
            call()

    def _to_slack(self, request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        moment, url = self.wall(), urlsplit(request.url)
        path = f"/slack{url.path}?{url.query}"
        received = Received(request.method, path, headers, request.body, self.now(), moment)
        return response(200, json=self.slack.answer(received))


def vendor_of(request: Request) -> str:
    """What stands behind a host: pagerduty, slack, whoever takes heartbeats, or a webhook's receiver."""
    first = host_of(request)
    return first if first in ("pagerduty", "slack", "beats") else "webhook"


def vendor_name(request: Request) -> str:
    """Under which name the arrivals of a host are kept."""
    return host_of(request)


def action_of(request: Request) -> str:
    """What a request asks for: an action of a page, or a method of Slack."""
    if vendor_of(request) == "slack":
        return asked_path(request).rpartition("/")[2]
    if vendor_of(request) == "beats":
        return "beat"
    body = json.loads(request.body)
    return str(body.get("event_action") or body["data"]["action"])


def _of_pagerduty(event: dict[str, Any]) -> dict[str, Any]:
    details = event.get("payload", {}).get("custom_details", {})
    return {"key": event["dedup_key"], "level": details.get("level", ""), "text": details.get("note", "")}
