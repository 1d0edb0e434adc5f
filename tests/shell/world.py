"""One incident with all that keeps it, wired as the operator is, in this process and in a time of its own.

The API server is the fake one; vendors answer by script; what the watch tells is told by hand.
"""

import asyncio
import base64
import json
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from tests.providers.talking import DEFAULTS, ok
from tests.shell.fake_api import FakeApi
from tests.shell.fake_time import RunningTime
from tests.support.builders import incident_class, policy, target
from tests.support.vendor import Played, asked_path, host_of, response
from watchbill.api.group import DEFAULT_CLASS_ANNOTATION
from watchbill.api.incident_status import IncidentStatus
from watchbill.core.decision import Event
from watchbill.core.effects import SendPage
from watchbill.providers.contract import Request, Response
from watchbill.shell.cache import Cache, ObjectKey, Raw
from watchbill.shell.fresh import FreshReads
from watchbill.shell.inbox import Inbox
from watchbill.shell.incidents import IncidentKeeper, Parts
from watchbill.shell.kube import Kube, Unreachable
from watchbill.shell.metrics import Metrics
from watchbill.shell.observe import Observer
from watchbill.shell.paths import PLURALS, core_path, path_of
from watchbill.shell.perform import Outside, Performer
from watchbill.shell.remains import Remains
from watchbill.shell.secrets import SecretReader
from watchbill.shell.send import Sender
from watchbill.shell.store import Store
from watchbill.shell.tally import Tally
from watchbill.shell.unwritten import Unwritten, keeping
from watchbill.shell.web import Web

CART = ObjectKey("Incident", "shop", "cart")
HOLDER = "operator#1"
CONNECTIONS: dict[str, dict[str, Any]] = {
    "pagerduty": {"pagerDuty": {"routingKeySecretRef": {"name": "pagerduty", "key": "routingKey"}}},
    "backup": {"webhook": {"url": "https://backup.example.com/hook"}},
}
TAKEN: dict[str, Any] = {"acknowledgedBy": {"ana": {}}}
OVER: dict[str, Any] = {"state": "Resolved", "stateReason": "over", "setBy": {"state": "ana"}}
BY_PAGERDUTY = ("only", "5m", [target("pagerduty")])
BY_WEBHOOK = ("only", "5m", [target("backup")])
TWO_BY_PAGERDUTY = (("first", "5m", [target("pagerduty")]), ("second", "5m", [target("pagerduty")]))

Answer = Callable[[Request], Response]


def accepts(request: Request) -> Response:
    return response(202, json={"status": "success", "message": "Event processed"})


def answers(code: int, **body: Any) -> Answer:
    return lambda request: response(code, json=body)


def slack_says(request: Request) -> Response:
    """Slack where all goes well; it remembers nothing."""
    return response(200, json=DEFAULTS.get(asked_path(request).removeprefix("/api/"), ok()))


class Vendors:
    """What is outside, by the first word of its host: events (PagerDuty), backup (a webhook), or slack.

    What is no page, such as a heartbeat, has no action.
    """

    def __init__(self) -> None:
        self.answer: defaultdict[str, Answer] = defaultdict(lambda: accepts, slack=slack_says)
        self.gates: dict[str, asyncio.Event] = {}
        """A vendor that has one hangs until it is set."""
        self.arrived: list[tuple[str, str]] = []
        """(vendor, action) of each request, when it came."""
        self.bodies: list[dict[str, Any]] = []

    async def handle(self, request: Request) -> Response:
        vendor, body = host_of(request), json.loads(request.body or b"{}")
        if vendor == "slack":
            self.arrived.append((vendor, asked_path(request).removeprefix("/api/")))
        else:
            data = body.get("data", {})
            self.arrived.append((vendor, body.get("event_action") or data.get("action", "")))
        self.bodies.append(body)
        if vendor in self.gates:
            await self.gates[vendor].wait()
        return self.answer[vendor](request)

    def hang(self, vendor: str) -> asyncio.Event:
        return self.gates.setdefault(vendor, asyncio.Event())

    @property
    def asked(self) -> list[str]:
        """The methods of Slack that were called, in order."""
        return [method for vendor, method in self.arrived if vendor == "slack"]

    def keys(self, action: str) -> list[str]:
        """The keys that PagerDuty was told this of."""
        return [body["dedup_key"] for body in self.bodies if body.get("event_action") == action]


class World:
    """One incident, cart of namespace shop, and an operator that is asked to look at it."""

    def __init__(self, api: FakeApi, kube: Kube, time: RunningTime) -> None:
        self.api, self.kube, self.time = api, kube, time
        self.clock, self.metrics = time.clock(), Metrics()
        self.vendors = Vendors()
        self.cache = Cache()
        self.leads = True
        self.knows_all = True
        """Whether every incident has been seen by this process."""
        self.lags = False
        """Whether the watch tells nothing of what is put."""
        self.queued: list[ObjectKey] = []
        self.events: list[str] = []
        self.console: list[SendPage] = []
        self.inbox = Inbox(self.cache, self.changed, self.deleted)
        self.tally, self.unwritten = Tally(self.metrics), Unwritten()
        self.start()

    def start(self, holder: str = HOLDER, web: Web | None = None) -> None:
        """A process begins with nothing in memory but the cache; vendors are played, or asked by this web."""
        self.sender = Sender(self.clock, web=web or Played(self.vendors.handle))
        self.secrets = SecretReader(self.kube, self.clock.monotonic, "watchbill:watchbill")
        self.outside = outside = Outside(
            sender=self.sender,
            secrets=self.secrets,
            cache=self.cache,
            kube=self.kube,
            clock=self.clock,
            metrics=self.metrics,
            deliver=self.inbox.deliver,
            fresh=FreshReads(self.kube, self.cache, self.clock.monotonic),
            knows_all=lambda: self.knows_all,
            tell=self.console.append,
        )
        self.unwritten = Unwritten()
        on_outcome = keeping(self.unwritten, self.cache, self.queued.append)
        self.performer = Performer(outside, lambda: self.leads, on_outcome)
        self.observer = Observer(self.cache, self.kube, self.clock, holder, self.inbox.deliver)
        self.naps: list[float] = []
        self.remains = Remains(self.observer, self.performer, self.unwritten, self.clock, sleep=self.nap)
        self.keeper = IncidentKeeper(
            Parts(
                observer=self.observer,
                performer=self.performer,
                store=Store(self.kube, self.cache),
                clock=self.clock,
                tally=self.tally,
                unwritten=self.unwritten,
                remains=self.remains,
                tell=lambda incident, event: self.told(event),
                may_act=lambda: self.leads,
            )
        )

    async def nap(self, seconds: float) -> None:
        self.naps.append(seconds)

    async def stop(self) -> None:
        for gate in self.vendors.gates.values():
            gate.set()
        await self.remains.stop()
        await self.performer.drain(5)
        await self.sender.aclose()

    def told(self, event: Event) -> None:
        self.events.append(event.reason.value)

    def changed(self, key: ObjectKey, raw: Raw) -> None:
        self.queued.append(key)
        if key.kind == "Incident":
            self.observer.channels.told(raw)

    def deleted(self, key: ObjectKey, last: Raw) -> None:
        if key.kind == "Incident":
            self.keeper.deleted(key, last)

    # What is in the API server, and what the watch tells of it

    def put(self, kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> None:
        """Create an object of ours, or replace it, and have the watch tell of it where it does not lag."""
        path = path_of(kind, "" if kind == "IncidentClass" else "shop", name)
        created = self.clock.now().isoformat()
        base = {"generation": 1, "creationTimestamp": created}
        self.api.put(path, spec=spec, metadata=base | metadata)
        if not self.lags:
            self.tell(path)

    def tell(self, path: str = "", type_: str | None = "MODIFIED") -> None:
        """What the watch says: the object at a path as it is, or the incident."""
        path = path or path_of(*CART)
        self.inbox.deliver(kind_of(path), type_, self.api.objects[path])

    def put_secret(self, value: str = "routing-key-one", name: str = "pagerduty") -> None:
        data = {"routingKey": base64.b64encode(value.encode()).decode()}
        self.api.put(core_path("secrets", "shop", name), data=data)

    def furnish(self, *levels: Any, **options: Any) -> None:
        """A class, a policy, two connections, and the Secret of one."""
        self.put_secret()
        spec: dict[str, Any]
        for name, spec in CONNECTIONS.items():
            self.put("Connection", name, spec)
        self.put("EscalationPolicy", "primary", spec_of(policy(*levels, **options)))
        self.put(
            "IncidentClass",
            "service",
            spec_of(incident_class()),
            annotations={DEFAULT_CLASS_ANNOTATION: "true"},
        )

    def furnish_room(self) -> None:
        """A class whose incidents have a channel, and the connection that makes it."""
        self.put_secret("xoxb-for-tests", "slack")
        ref = {"name": "slack", "key": "routingKey"}
        slack = {"botTokenSecretRef": ref, "baseURL": "https://slack.example.com"}
        self.put("Connection", "slack", {"slack": slack, "allowedClasses": ["service"]})
        room = {"channel": {"connectionRef": {"name": "slack", "namespace": "shop"}}}
        spec = spec_of(incident_class(response=room, postmortem={"policy": "Optional"}))
        self.put("IncidentClass", "service", spec, annotations={DEFAULT_CLASS_ANNOTATION: "true"})

    def declare(self, **spec: Any) -> None:
        body = {"title": "Checkout returns 500", "severity": "SEV-1", "setBy": {"declaration": "ana"}} | spec
        self.put("Incident", "cart", body)

    def people_say(self, told: bool = True, **spec: Any) -> None:
        """Somebody changes the incident's spec; where it is not told, the watch is late."""
        self.api.change(path_of(*CART), **spec)
        if told:
            self.tell()

    def delete(self, type_: str = "DELETED") -> None:
        gone = self.api.objects.pop(path_of(*CART))
        self.api.version += 1
        metadata = gone["metadata"] | {"resourceVersion": str(self.api.version)}
        self.inbox.deliver("Incident", type_, {**gone, "metadata": metadata})

    @property
    def raw(self) -> dict[str, Any]:
        return self.api.objects[path_of(*CART)]

    @property
    def stored(self) -> IncidentStatus:
        """The status in etcd."""
        return IncidentStatus.model_validate(self.raw.get("status", {}))

    @property
    def hops(self) -> list[str]:
        """Where the hops of all pages stand, in etcd."""
        return [hop.state for page in self.stored.pages for hop in page.hops]

    def requests(self, method: str = "", end: str = "incidents/cart") -> int:
        """How many requests of a method came for a path."""
        return sum(m in (method, m) and method in ("", m) and p.endswith(end) for m, p in self.api.requests)

    @property
    def writes(self) -> int:
        return self.requests("PATCH", "incidents/cart/status")

    # The operator

    async def look(self) -> timedelta | None:
        """One reconcile of the incident."""
        self.queued.clear()
        return await self.keeper.reconcile(CART)

    async def run(self) -> timedelta | None:
        """Reconcile until nothing is in flight and nothing asks for another look."""
        for _ in range(20):
            again = await self.look()
            await self.performer.drain(5)
            await asyncio.sleep(0)
            if CART not in self.queued:
                return again
        raise AssertionError("20 looks did not bring it to rest")

    async def lose_the_server(self) -> None:
        """The API server is silent, and that has been noticed."""
        self.api.silent = True
        with suppress(Unreachable):
            await self.kube.get(path_of(*CART))

    def pass_time(self, seconds: float) -> None:
        self.time.advance(seconds)


async def declared(world: World, *levels: Any, **options: Any) -> World:
    """An incident that has been paged for, and the page recorded."""
    world.furnish(*levels, **options)
    world.declare()
    await world.run()
    return world


def kind_of(path: str) -> str:
    """The kind of an object at a path."""
    plural = path.split("/")[-2]
    return next(kind for kind, found in PLURALS.items() if found == plural)


def spec_of(model: Any) -> dict[str, Any]:
    body: dict[str, Any] = model.spec.model_dump(by_alias=True, mode="json", exclude_none=True)
    return body


async def until(holds: Callable[[], object]) -> None:
    """Let tasks go on until this holds; at most 5 s."""
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.001)
