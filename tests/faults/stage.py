"""One run's world: an API server, vendors, operators, and people who wait for what they see."""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from tests.faults.crossings import Crossing
from tests.faults.network import Network
from tests.faults.operators import EPOCH, Operator
from tests.faults.vendors import ROUTING_KEYS, Vendors
from tests.faults.virtual_time import Process
from tests.faults.watch import Event, undisturbed
from tests.shell.world import spec_of
from tests.support.apiserver.answers import Answer
from tests.support.apiserver.reading import Request
from tests.support.apiserver.requests import ApiServer
from tests.support.apiserver.resources import NAMESPACES, RESOURCES
from tests.support.builders import incident_class, policy
from watchbill.api.durations import parse_duration
from watchbill.api.group import DEFAULT_CLASS_ANNOTATION
from watchbill.shell.paths import PLURALS, core_path, path_of

PATIENCE = 1200.0
"""Seconds that people wait for something before they call it lost."""

LOOK = 0.1
"""Seconds between two looks of somebody who waits."""

QUIET = 25.0
"""Seconds without a change to any incident after which a run counts as settled."""

LONGEST = 900.0
"""Seconds that a run gets to settle."""

CANARIES = {
    **{name: {"routingKey": key} for name, key in ROUTING_KEYS.items()},
    "backup": {"url": "https://backup.example.com/canary-backup-path"},
    "slack": {"botToken": "xoxb-canary-slack-token"},
}
"""The Secrets of namespace shop: what of them is found anywhere else is a leak."""

ROTATED = "canary0rotated0key00000000000000"
"""The pager's credential after it was changed."""

Found = TypeVar("Found")
Body = dict[str, Any]


class NeverCame(Exception):
    """What somebody waited for did not come."""


@dataclass
class Stage:
    """What a scenario is played on."""

    operators: list[Operator] = field(init=False)
    disturbed: dict[int, Callable[[Crossing, Event], list[tuple[float, Event]] | None]] = field(
        default_factory=dict
    )
    """By the number of the crossing, what is done to an event of the watch."""
    down_until: float = 0.0
    """Until when the API server does not answer anybody."""
    cut_until: dict[Process, float] = field(default_factory=dict)
    """Until when one process cannot reach it."""
    sick_until: float = 0.0
    sickness: Callable[[Request], Answer | None] = lambda request: None
    """What it answers until then."""
    said: dict[str, float] = field(default_factory=dict)
    """When people first took or ended the incident with a UID, since it was last opened."""
    declared: dict[str, float] = field(default_factory=dict)
    """When the incident with a UID was declared."""
    delays: dict[str, float] = field(default_factory=dict)
    """How long after that each level may open at the earliest, in seconds."""
    outages: list[tuple[float, float]] = field(default_factory=list)
    """From when to when the API server answered nobody."""
    instead: set[str] = field(default_factory=set)
    """The levels for which somebody else was paged."""
    metrics: list[str] = field(default_factory=list)
    """What each process told of itself in the end."""
    now_at_end: float = 0.0
    waits: list[tuple[str, float, float]] = field(default_factory=list)
    """(what, since when it was due, when it came)."""

    def __post_init__(self) -> None:
        """Set up a server with a team in namespace shop."""
        self._loop = asyncio.get_running_loop()
        self.server = ApiServer(self.wall)
        self.vendors = Vendors(self._loop.time, self.wall)
        self.network = Network(self.server, self.vendors)
        self.network.cut_off = self._is_cut_off
        self.network.refuses = self._refusal
        for name in ("shop", "watchbill"):
            self.server.writer.create(NAMESPACES, "", {"metadata": {"name": name}})
        for name, values in CANARIES.items():
            self.secret(name, values)

    @property
    def now(self) -> float:
        """The loop's time in seconds."""
        return self._loop.time()

    def wall(self) -> datetime:
        """The true time."""
        return datetime.fromtimestamp(EPOCH + self._loop.time(), UTC)

    def open(self, replicas: int = 1) -> None:
        """Start the operators."""
        names = ("one", "two")[:replicas]
        self.operators = [Operator(name, self.network, self._disturb) for name in names]
        for operator in self.operators:
            operator.start()

    @property
    def leader(self) -> Operator:
        """The operator that leads; the first where none does."""
        return next((each for each in self.operators if each.leads), self.operators[0])

    def operator_of(self, crossing: Crossing) -> Operator:
        """The operator whose process met the crossing."""
        return next(each for each in self.operators if each.name == crossing.process)

    # What Git and people write

    def secret(self, name: str, values: dict[str, str]) -> None:
        """Write a Secret."""
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        self.put("Secret", name, {"data": data}, core_path("secrets", "shop"))

    def connection(self, name: str, **spec: Any) -> None:
        """Write a Connection."""
        self.put("Connection", name, {"spec": spec})

    def furnish(self, *levels: Any, row: Body | None = None, response: Body | None = None, **of: Any) -> None:
        """A class, a policy, two connections to PagerDuty, one to a webhook, one to Slack."""
        for name in ROUTING_KEYS:
            key = {"name": name, "key": "routingKey"}
            base = f"https://{name if name == 'pagerduty' else 'pagerduty.' + name}.example.com"
            self.connection(name, pagerDuty={"routingKeySecretRef": key, "baseURL": base})
        self.connection("backup", webhook={"urlSecretRef": {"name": "backup", "key": "url"}})
        token = {"name": "slack", "key": "botToken"}
        slack = {"botTokenSecretRef": token, "baseURL": "https://slack.example.com"}
        self.connection("slack", slack=slack, allowedClasses=["service"])
        self.policy(*levels, **of)
        rows = {"postmortem": {"policy": "Optional"}, **(row or {})}
        spec = spec_of(incident_class(**rows, **({"response": response} if response else {})))
        default = {"annotations": {DEFAULT_CLASS_ANNOTATION: "true"}}
        self.put("IncidentClass", "service", {"spec": spec}, path_of("IncidentClass"), **default)

    def policy(self, *levels: Any, **options: Any) -> None:
        """Write the policy."""
        passed = 0.0
        for name, after, _ in levels:
            self.delays.setdefault(name, passed)
            passed += parse_duration(after).total_seconds()
        self.delays.setdefault("lastResort", passed)
        self.put("EscalationPolicy", "primary", {"spec": spec_of(policy(*levels, **options))})

    def declare(self, name: str = "cart", **spec: Any) -> str:
        """Declare an incident; its UID."""
        body = {"title": "Checkout returns 500", "severity": "SEV-1", "setBy": {"declaration": "ana"}} | spec
        self.put("Incident", name, {"spec": body})
        uid = str(self.incident(name)["metadata"]["uid"])
        self.declared[uid] = self.now
        return uid

    def say(self, name: str = "cart", **spec: Any) -> None:
        """Somebody changes an incident's spec."""
        self.server.ask("PATCH", path_of("Incident", "shop", name), {"spec": spec})

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
        self._note(name)
        self.server.ask("DELETE", path_of("Incident", "shop", name))

    def put(self, kind: str, name: str, body: Body, path: str = "", **metadata: Any) -> None:
        """Create an object, or merge this into the one that is there."""
        base = path or path_of(kind, "shop")
        version = "watchbill.dev/v1alpha1" if kind in PLURALS else "v1"
        identity = {"apiVersion": version, "kind": kind, "metadata": {"name": name, **metadata}}
        if self.server.ask("POST", base, identity | body).get("reason") == "AlreadyExists":
            self.server.ask("PATCH", f"{base}/{name}", body)

    def incident(self, name: str = "cart") -> Body:
        """The incident, as it is stored; empty where it is gone."""
        found = self.server.ask("GET", path_of("Incident", "shop", name))
        return found if "spec" in found else {}

    def status(self, name: str = "cart") -> Body:
        """Its status."""
        found: Body = self.incident(name).get("status", {})
        return found

    def is_true(self, condition: str, name: str = "cart") -> bool:
        """Whether an incident's condition is True."""
        conditions = self.status(name).get("conditions", [])
        return any(each["type"] == condition and each["status"] == "True" for each in conditions)

    def go_down(self, seconds: float) -> None:
        """Have the API server answer nobody for a while."""
        self.down_until = self.now + seconds
        self.outages.append((self.now, self.down_until))

    # What they wait for

    async def wait(
        self, what: str, found: Callable[[], Found], due: float | None = None, patience: float = PATIENCE
    ) -> Found:
        """What was found; raises NeverCame. `due` is when it should have come, by default now."""
        since = self.now if due is None else max(due, 0.0)
        while not (seen := found()):
            if self.now > since + patience:
                raise NeverCame(what)
            await asyncio.sleep(LOOK)
        self.waits.append((what, since, self.now))
        return seen

    async def paged(self, level: str, uid: str, due: float | None = None, vendor: str = "") -> None:
        """Wait until somebody of a level is paged, or somebody else instead."""
        since = self.now if due is None else due

        def somebody() -> bool:
            if uid in self.said:
                return True
            here = bool(self.vendors.paged(level, uid, vendor))
            if not here and self._somebody_later(level, uid, since):
                self.instead.add(level)
                return True
            return here

        await self.wait(f"a page of level {level}", somebody, due)

    async def taken(self, name: str = "cart") -> None:
        """Wait until it is recorded that somebody has taken an incident, or that it is over."""
        waiting = (None, "Pending", "Triggered")
        await self.wait("its being taken", lambda: self.status(name).get("phase") not in waiting)

    async def rest(self, seconds: float) -> None:
        """Do nothing for a while."""
        await asyncio.sleep(seconds)

    async def settle(self) -> bool:
        """Wait until nothing changes any more; whether it came to that."""
        end = self.now + LONGEST
        while self.now < end:
            version = self._version()
            await asyncio.sleep(QUIET)
            calm = self.now > max(self.down_until, self.sick_until, *self.cut_until.values(), 0.0)
            if calm and version == self._version() and not self._is_owed() and self.leader.leads:
                return True
        return False

    async def close(self) -> None:
        """End everything that still runs; nothing that it does then matters."""
        self.down_until, self.now_at_end = float("inf"), self.now
        for operator in self.operators:
            operator.restarts = False
            self.metrics += [app.metrics.render().decode() for app in operator.apps]
            for process in operator.past:
                await process.bury()

    def _version(self) -> list[tuple[str, str]]:
        resource = next(each for each in RESOURCES if each.plural == "incidents")
        return [(key, body["metadata"]["resourceVersion"]) for key, body in self.server.store.all(resource)]

    def _is_owed(self) -> bool:
        """Whether an incident's record says that a vendor is still to be told something."""
        resource = next(each for each in RESOURCES if each.plural == "incidents")
        pages = [
            page
            for _, body in self.server.store.all(resource)
            for page in body.get("status", {}).get("pages", [])
        ]
        closings = [hop.get("closing") or {} for page in pages for hop in page["hops"]]
        return any(each.get("state") == "Pending" or each.get("nextAttemptTime") for each in closings)

    def _somebody_later(self, level: str, uid: str, since: float) -> bool:
        """Whether a page of a level came that opens only where nobody of this one could be reached."""
        order = list(self.delays)
        later = order[order.index(level) + 1 :]
        return any(page.time >= since and page.level in later for page in self.vendors.paged(uid=uid))

    def _note(self, name: str) -> None:
        self.said.setdefault(self.incident(name)["metadata"]["uid"], self.now)

    def _is_cut_off(self, process: Process) -> bool:
        return self.now < max(self.down_until, self.cut_until.get(process, 0.0))

    def _refusal(self, request: Request) -> Answer | None:
        return self.sickness(request) if self.now < self.sick_until else None

    def _disturb(self, crossing: Crossing, event: Event) -> list[tuple[float, Event]] | None:
        change = self.disturbed.pop(crossing.number, undisturbed)
        if change is not undisturbed:
            self.network.happened.append((self.now, crossing))
        return change(crossing, event)
