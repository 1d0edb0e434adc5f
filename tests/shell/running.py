"""The whole operator in this process, against the fake API server; what the watch tells is told by hand."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.shell.fake_api import Body, FakeApi
from tests.shell.world import Vendors, kind_of, spec_of, until
from tests.support.builders import incident_class, policy
from tests.support.vendor import Played
from watchbill.api.group import DEFAULT_CLASS_ANNOTATION
from watchbill.shell.app import App, Surroundings
from watchbill.shell.credentials import Credentials
from watchbill.shell.paths import path_of
from watchbill.shell.settings import Settings
from watchbill.shell.watch import Watch

CART = path_of("Incident", "shop", "cart")
LEASE = "/apis/coordination.k8s.io/v1/namespaces/watchbill/leases/watchbill"
DEFAULT = {DEFAULT_CLASS_ANNOTATION: "true"}


class Untold(Watch):
    """A watch without kopf, which tells of nothing by itself."""

    watching = True

    def start(self) -> None:
        """There is nothing to begin."""

    async def stop(self) -> None:
        """There is nothing to end."""

    async def all_watched(self, within: float) -> bool:
        """Whether every kind is watched: nothing has to begin for that."""
        return True


class Running:
    """An operator, and the API server and the vendor that it talks to."""

    def __init__(
        self,
        api: FakeApi,
        monkeypatch: pytest.MonkeyPatch,
        around: Surroundings | None = None,
        **options: Any,
    ) -> None:
        self.api, self.vendors = api, Vendors()
        monkeypatch.setattr("watchbill.shell.incidents.RECORD_WAIT", 0.1)
        settings = Settings(**({"identity": "one", "health_address": "127.0.0.1:0"} | options))
        web = Played(self.vendors.handle)
        brought = replace(around or Surroundings(), web=lambda _: web, watch=Untold)
        self.app = App(Credentials(api.url), settings, brought)

    @asynccontextmanager
    async def running(self, ready: bool = True) -> AsyncIterator["asyncio.Task[None]"]:
        """Run it, and at the end ask it to stop where nobody has."""
        task = asyncio.create_task(self.app.run())
        await until(lambda: self.app._health.port)
        if ready:
            await until(lambda: self.app.syncer.synced and self.app.elector.is_leader())
        try:
            yield task
        finally:
            if not task.done():
                self.ask_to_stop()
            for gate in self.vendors.gates.values():
                gate.set()
            async with asyncio.timeout(10):
                await asyncio.gather(task, return_exceptions=True)

    def ask_to_stop(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    def put(self, kind: str, name: str, spec: Body, told: bool = True, **metadata: object) -> Body:
        """Create an object or replace it; the watch tells of it."""
        path = path_of(kind, "" if kind == "IncidentClass" else "shop", name)
        stamp = {"generation": 1, "creationTimestamp": self.app.clock.now().isoformat()}
        body = self.api.put(path, spec=spec, metadata=stamp | metadata)
        if told:
            self.tell(path)
        return body

    def tell(self, path: str, type_: str | None = "MODIFIED") -> None:
        self.app.inbox.deliver(kind_of(path), type_, self.api.objects[path])

    def delete(self, path: str) -> None:
        gone = self.api.objects.pop(path)
        self.api.version += 1
        metadata = gone["metadata"] | {"resourceVersion": str(self.api.version)}
        self.app.inbox.deliver(kind_of(path), "DELETED", {**gone, "metadata": metadata})

    def furnish(self, told: bool = True) -> None:
        self.put("Connection", "backup", {"webhook": {"url": "https://backup.example.com/hook"}}, told)
        levels = (("first", "5m", [{"connectionRef": {"name": "backup"}}]),)
        self.put("EscalationPolicy", "primary", spec_of(policy(*levels)), told)
        self.put("IncidentClass", "service", spec_of(incident_class()), told, annotations=DEFAULT)

    def declare(self, told: bool = True) -> None:
        spec = {"title": "Checkout returns 500", "severity": "SEV-1", "setBy": {"declaration": "ana"}}
        self.put("Incident", "cart", spec, told)

    def change(self, path: str = CART, **spec: object) -> None:
        self.api.change(path, **spec)
        self.tell(path)

    @property
    def status(self) -> Body:
        found: Body = self.api.objects[CART].get("status", {})
        return found

    @property
    def hop(self) -> str:
        """Where the only page stands."""
        pages = self.status.get("pages") or [{"hops": [{"state": ""}]}]
        return str(pages[0]["hops"][0]["state"])
