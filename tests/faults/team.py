"""A team in namespace shop: what it has in Git, and what its people say of its incidents."""

import asyncio
import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.faults.operators import EPOCH
from tests.faults.pace import VIRTUAL, Pace
from tests.faults.vendors import ROUTING_KEYS
from tests.shell.world import spec_of
from tests.support.apiserver.requests import ApiServer
from tests.support.apiserver.resources import RESOURCES
from tests.support.builders import incident_class, policy
from watchbill.api.durations import format_duration, parse_duration
from watchbill.api.group import DEFAULT_CLASS_ANNOTATION
from watchbill.shell.paths import PLURALS, core_path, path_of

Body = dict[str, Any]

INCIDENTS = next(each for each in RESOURCES if each.plural == "incidents")

CANARIES = {
    **{name: {"routingKey": key} for name, key in ROUTING_KEYS.items()},
    "backup": {"url": "http://backup.example.com/canary-backup-path"},
    "slack": {"botToken": "xoxb-canary-slack-token"},
}
"""The Secrets of namespace shop: what of them is found anywhere else is a leak."""

ROTATED = "canary0rotated0key00000000000000"
"""The pager's credential after it was changed."""

NAMES = ("cart", "search")
"""The incidents that a scenario may declare."""


@dataclass
class Team:
    """What is written to the API server, and when."""

    said: dict[str, float] = field(default_factory=dict)
    """When people first took or ended the incident with a UID, since it was last opened."""
    declared: dict[str, float] = field(default_factory=dict)
    """When the incident with a UID was declared."""
    delays: dict[str, float] = field(default_factory=dict)
    """How long after that each level may open at the earliest, in seconds."""

    deleted: float = 0.0
    """When an incident was last deleted."""
    namespace: str = "shop"
    lease_namespace: str = "watchbill"
    class_name: str = "service"
    pace: Pace = VIRTUAL
    epoch: float = EPOCH
    """What the wall clock shows when the loop's shows 0."""

    def __post_init__(self) -> None:
        """Begin with an empty server."""
        self._loop = asyncio.get_running_loop()
        self.began = self.now
        self.server = ApiServer(self.wall)

    @property
    def now(self) -> float:
        """The loop's time in seconds."""
        return self._loop.time()

    def wall(self) -> datetime:
        """The true time."""
        return datetime.fromtimestamp(self.epoch + self._loop.time(), UTC)

    def moment(self, time: str) -> float:
        """The loop's time at a moment of the wall clock."""
        return datetime.fromisoformat(time).timestamp() - self.epoch

    def span(self, seconds: float) -> float:
        """How many seconds so many are at this pace."""
        return seconds * self.pace.share

    def secret(self, name: str, values: dict[str, str]) -> None:
        """Write a Secret."""
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        self.put("Secret", name, {"data": data}, core_path("secrets", self.namespace))

    def connection(self, name: str, **spec: Any) -> None:
        """Write a Connection."""
        self.put("Connection", name, {"spec": spec})

    def furnish(self, *levels: Any, row: Body | None = None, response: Body | None = None, **of: Any) -> None:
        """A class, two connections to PagerDuty, one to a webhook, one to Slack, and a policy."""
        rows = {"postmortem": {"policy": "Optional"}, **(row or {})}
        spec = spec_of(incident_class(**rows, **({"response": response} if response else {})))
        default = {"annotations": {DEFAULT_CLASS_ANNOTATION: "true"}}
        self.put("IncidentClass", self.class_name, {"spec": spec}, path_of("IncidentClass"), **default)
        for name in ROUTING_KEYS:
            key = {"name": name, "key": "routingKey"}
            base = f"http://{name if name == 'pagerduty' else 'pagerduty.' + name}.example.com"
            self.connection(name, pagerDuty={"routingKeySecretRef": key, "baseURL": base})
        self.connection("backup", webhook={"urlSecretRef": {"name": "backup", "key": "url"}})
        token = {"name": "slack", "key": "botToken"}
        slack = {"botTokenSecretRef": token, "baseURL": "http://slack.example.com"}
        self.connection("slack", slack=slack, allowedClasses=[self.class_name])
        self.policy(*levels, **of)

    def policy(self, *levels: Any, **options: Any) -> None:
        """Write the policy."""
        passed, paced = 0.0, []
        for name, after, targets in levels:
            delay = self.span(parse_duration(after).total_seconds())
            self.delays.setdefault(name, passed)
            paced.append((name, format_duration(timedelta(seconds=round(delay))), targets))
            passed += delay
        self.delays.setdefault("lastResort", passed)
        self.put("EscalationPolicy", "primary", {"spec": spec_of(policy(*paced, **options))})

    def declare(self, name: str = "cart", **spec: Any) -> str:
        """Declare an incident; its UID."""
        body = {"title": "Checkout returns 500", "severity": "SEV-1", "setBy": {"declaration": "ana"}} | spec
        since = self.now
        uid = str(self.put("Incident", name, {"spec": body})["metadata"]["uid"])
        self.declared[uid] = since
        return uid

    def say(self, name: str = "cart", **spec: Any) -> None:
        """Somebody changes an incident's spec."""
        self.server.ask("PATCH", path_of("Incident", self.namespace, name), {"spec": spec})

    def acknowledge(self, name: str = "cart", by: str = "ana") -> None:
        """Somebody takes an incident."""
        self.say(name, acknowledgedBy={by: {}})
        self._note(name)

    def resolve(self, name: str = "cart", reason: str = "rolled back") -> None:
        """Somebody ends an incident."""
        self.say(name, state="Resolved", stateReason=reason, setBy={"state": "ana"})
        self._note(name)

    def delete(self, name: str = "cart") -> None:
        """Somebody deletes an incident."""
        self.deleted = self.now
        self._note(name)
        self.server.ask("DELETE", path_of("Incident", self.namespace, name))

    def put(self, kind: str, name: str, body: Body, path: str = "", **metadata: Any) -> Body:
        """The object, created, or with this merged into the one that was there."""
        base = path or path_of(kind, self.namespace)
        version = "watchbill.dev/v1alpha1" if kind in PLURALS else "v1"
        identity = {"apiVersion": version, "kind": kind, "metadata": {"name": name, **metadata}}
        made = self.server.ask("POST", base, identity | body)
        if made.get("reason") != "AlreadyExists":
            return made
        return self.server.ask("PATCH", f"{base}/{name}", body)

    def incident(self, name: str = "cart") -> Body:
        """The incident, as it is stored; empty where it is gone."""
        return self.server.store.get(INCIDENTS, INCIDENTS.key(self.namespace, name)) or {}

    def status(self, name: str = "cart") -> Body:
        """Its status."""
        found: Body = self.incident(name).get("status", {})
        return found

    def is_true(self, condition: str, name: str = "cart") -> bool:
        """Whether an incident's condition is True."""
        conditions = self.status(name).get("conditions", [])
        return any(each["type"] == condition and each["status"] == "True" for each in conditions)

    def _note(self, name: str) -> None:
        self.said.setdefault(self.incident(name)["metadata"]["uid"], self.now)
