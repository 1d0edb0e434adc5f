"""Operator processes in virtual time: the product's own parts, all but kopf, and whoever restarts them."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.faults.network import Network
from tests.faults.virtual_time import Process, world_around
from tests.faults.watch import Disturbance, LocalWatch, undisturbed
from tests.support.apiserver.in_process import InProcess
from tests.support.vendor import Played
from watchbill.shell.app import App, Surroundings
from watchbill.shell.clock import Clock
from watchbill.shell.credentials import Credentials
from watchbill.shell.metrics import Metrics
from watchbill.shell.settings import Settings
from watchbill.shell.watch import Deliver, Watch

RESTART = timedelta(seconds=2)
"""How long it takes until a killed process is there again."""

EPOCH = 1_800_000_000.0
"""What the wall clock shows when the loop's shows 0."""


@dataclass
class Operator:
    """A replica: one process at a time, under one identity."""

    name: str
    network: Network
    disturb: Disturbance = undisturbed
    wall_ahead: float = 0.0
    """Seconds by which the machine's wall clock is wrong."""
    restarts: bool = True
    """Whether somebody starts it again where it is killed."""
    span: Callable[[float], float] = float
    """How many seconds so many of the story are."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Settings that are not as they come."""
    process: Process = field(init=False)
    past: list[Process] = field(default_factory=list)
    apps: list[App] = field(default_factory=list)

    def start(self) -> None:
        """Begin a process; one that is there already is no more."""
        self.process = Process(self.name)
        self.past.append(self.process)
        self.process.start(self._main(self.process))

    @property
    def leads(self) -> bool:
        """Whether its process is there and leads."""
        is_there = not (self.process.killed or self.process.frozen)
        return is_there and bool(self.apps) and self.apps[-1].elector.is_leader()

    def kill(self, back_after: timedelta | None = RESTART) -> None:
        """End the process, as SIGKILL does; it is there again after a while, where it is restarted at all."""
        if self.process.killed:
            return
        self.process.kill()
        if back_after is not None and self.restarts:
            loop = asyncio.get_running_loop()
            seconds = self.span(back_after.total_seconds())
            loop.call_later(seconds, self.start, context=world_around())

    def freeze(self, seconds: float) -> None:
        """Halt the process for so many seconds of the story, as SIGSTOP does."""
        process = self.process
        process.freeze()
        loop = asyncio.get_running_loop()
        loop.call_later(self.span(seconds), process.thaw, context=world_around())

    def measures(self) -> list[str]:
        """The labels of the numbers that each of its processes tells of itself: all other text is fixed."""
        metrics = (metric for app in self.apps for metric in app.metrics.registry._collector_to_names)
        return [label for metric in metrics for labels in getattr(metric, "_metrics", ()) for label in labels]

    def problems(self) -> list[str]:
        """What ended a part of a process that should never end."""
        tasks = [task for process in self.past for task in process.failed]
        return [f"{task.get_name()}: {task.exception()!r}" for task in tasks]

    async def _main(self, process: Process) -> None:
        surface = self.network.around(process)
        loop = asyncio.get_running_loop()

        def watch(credentials: Credentials, clock: Clock, metrics: Metrics, deliver: Deliver) -> Watch:
            return LocalWatch(credentials, clock, metrics, deliver, surface, self.disturb)

        around = Surroundings(
            clock=lambda: Clock(wall=lambda: EPOCH + loop.time() + self.wall_ahead, monotonic=loop.time),
            web=lambda _: Played(surface.send),
            watch=watch,
        )
        app = App(InProcess(surface.handle), Settings(identity=self.name, **self.options), around)
        self.apps.append(app)
        await app.start()
