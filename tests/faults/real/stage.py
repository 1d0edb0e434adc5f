"""A run's world in real time: operators are processes, and the team has a namespace of a real API server."""

import asyncio
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.error import URLError

from dev.errors import DevError
from tests.faults.network import Surface
from tests.faults.news import News
from tests.faults.operators import Operator
from tests.faults.pace import Pace
from tests.faults.real.nursery import NurseryOperator
from tests.faults.real.remote import Remote, given_up
from tests.faults.real.wire import Wire
from tests.faults.real.world import World
from tests.faults.stage import Stage
from tests.faults.team import CANARIES, Body
from tests.faults.virtual_time import Process
from watchbill.shell.paths import core_path, path_of

REAL = Pace(share=1 / 3, patience=60.0, look=0.05, quiet=1.5, told_within=8.0, longest=45.0, spare_writes=2)

READING = 0.03
"""Seconds after which an answer was read."""

LEADS, LEADS_NO_MORE = "this process leads", "this process does not lead any more"
TOLD_OF = ("Connection", "EscalationPolicy", "Event")
"""What is looked at for secrets, besides incidents."""


@dataclass(eq=False)
class Child(Process):
    """A real process; what is done to it is done by signals."""

    operator: NurseryOperator = field(kw_only=True)

    def kill(self) -> None:
        """End it, by SIGKILL."""
        if not self.killed:
            super().kill()
            self._send(signal.SIGKILL)

    def freeze(self) -> None:
        """Halt it, by SIGSTOP."""
        super().freeze()
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on, by SIGCONT."""
        self.frozen = False
        if not self.killed:
            self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self.operator.send_signal(number)


@dataclass
class Replica(Operator):
    """An operator that is a process at a time, behind a wire of its own."""

    world: World = field(kw_only=True)
    remote: Remote = field(kw_only=True)
    mutant: str = field(kw_only=True, default="")

    async def open(self) -> None:
        """Lay its wire."""
        self.wire = Wire(self.world, self.remote, lambda: Surface(self.network, self.process), self.disturb)
        await self.wire.open()
        namespace = self.remote.namespace
        stem = self.world.directory / f"{namespace}-{self.name}"
        kubeconfig = self.wire.kubeconfig(stem.with_suffix(".kubeconfig"))
        options = (self.name, "--namespace", namespace)
        log = stem.with_suffix(".log")
        self.program = NurseryOperator(self.world.nursery, self.mutant, kubeconfig, log, *options)
        self.program.around = {"http_proxy": self.wire.proxy, "no_proxy": ""}

    def start(self) -> None:
        """Begin a process; one that is there already is no more."""
        if not self.restarts:
            return
        self.program.start(wait=False)
        self.process = Child(self.name, operator=self.program)
        self.past.append(self.process)

    @property
    def leads(self) -> bool:
        """Whether its process is there and says that it leads."""
        if self.process.killed or self.process.frozen:
            return False
        said = [line.get("msg") for line in self.program.own_lines()]
        changes = [text for text in said if text in (LEADS, LEADS_NO_MORE)]
        return changes[-1:] == [LEADS]

    def problems(self) -> list[str]:
        """That the process has ended by itself."""
        ended = not self.process.killed and self.program.exit_code is not None
        return [f"{self.name} ended: {self.program.log_text()[-500:]}"] if ended else []

    def measures(self) -> list[str]:
        """What the process that is there tells of itself in numbers."""
        if self.process.killed or self.process.frozen:
            return []
        with suppress(DevError, URLError, OSError):
            return [self.program.http("/metrics")]
        return []

    async def end(self) -> None:
        """End the process and the wire."""
        self.restarts = False
        if self.past:
            self.process.kill()
        await self.wire.close()


@dataclass
class RealStage(Stage):
    """What a scenario is played on with real processes."""

    world: World = field(kw_only=True)
    mutant: str = field(kw_only=True, default="")

    def __post_init__(self) -> None:
        """Set up what needs no waiting."""
        self.class_name = self.lease_namespace = self.namespace
        self.pace = REAL
        self._loop = asyncio.get_running_loop()
        self.began = self.now
        self.epoch = time.time() - self.now
        self.server = self.remote = Remote(self.world, self.namespace, self.wall)
        self._connect()
        self.network.latency, self.network.reading = 0.0, READING

    async def open(self, replicas: int = 1) -> None:
        """Make the namespace, and start the operators."""
        self.server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        for name, values in CANARIES.items():
            self.secret(name, values)
        self._following = asyncio.create_task(self.remote.follow())
        replica = [self._replica(name) for name in ("one", "two")[:replicas]]
        self.operators = [*replica]
        for each in replica:
            await each.open()
            each.start()

    def _replica(self, name: str) -> Replica:
        return Replica(
            name,
            self.network,
            self._disturb,
            span=self.span,
            world=self.world,
            remote=self.remote,
            mutant=self.mutant,
        )

    def declare(self, name: str = "cart", **spec: Any) -> str:
        """Declare an incident of the stage's own class; its UID."""
        return super().declare(name, classRef={"name": self.class_name}, **spec)

    def delete(self, name: str = "cart") -> None:
        """Somebody deletes an incident, which the server allows once they have said that it is over."""
        self.say(name, state="Resolved", stateReason="a mistake", setBy={"state": "ana"})
        super().delete(name)

    @property
    def refused(self) -> list[str]:
        """What went wrong that no plan places: people who were refused, a watch of ours that broke."""
        return self.remote.refused

    def _news(self) -> News:
        """Always: nothing here tells of what was written."""
        return News()

    def logs(self) -> list[str]:
        """What all processes have logged."""
        return [line for each in self._replicas for line in each.program.log_text().splitlines()]

    async def close(self) -> None:
        """End all processes, and keep what there is to judge them by."""
        self.now_at_end = self.now
        for each in self._replicas:
            self.metrics += each.measures()
        for each in self._replicas:
            await each.end()
        self.metrics += [str(self.server.ask("GET", self._path(kind))) for kind in TOLD_OF]
        if failed := await given_up(self._following):
            self.refused.append(f"incidents could not be followed: {failed!r}")
        self.server.ask("DELETE", path_of("IncidentClass", "", self.class_name))

    def _path(self, kind: str) -> str:
        return core_path("events", self.namespace) if kind == "Event" else path_of(kind, self.namespace)

    @property
    def _replicas(self) -> list[Replica]:
        return cast("list[Replica]", self.operators)

    def _is_owed(self) -> bool:
        """Also while a claim on a room is open."""
        statuses = [body.get("status", {}) for body in self._incidents()]
        rooms = [status.get("resources", {}).get("channel", {}) for status in statuses]
        return super()._is_owed() or any(room.get("claim") for room in rooms)

    def _is_untold(self, closing: Body) -> bool:
        """Whether the vendor is still to be told for the first time; nobody waits for the minutes after."""
        return closing.get("state") == "Pending"
