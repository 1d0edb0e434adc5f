"""The systems that are measured, each started and stopped alike."""

import asyncio
import time
from pathlib import Path
from typing import Protocol

from bench import teams
from bench.api import Api, path_of
from bench.child import Child, python
from bench.results import BARE, NAIVE, OURS
from bench.waiting import wait_for
from dev.operator_process import OperatorProcess

STEADY_WITHIN = 180.0
"""Seconds until all that was there at the start is taken in; naive kopf needs the most."""

QUIET = 3
"""How often in a row the queue must be found empty."""


class System(Protocol):
    """A process that pages."""

    name: str

    @property
    def pid(self) -> int:
        """Its process id."""

    async def start(self) -> None:
        """Start it, and return once it takes what is declared, and has taken in what there was."""

    async def declare(self, name: str) -> None:
        """Declare an incident of this name to it."""

    async def stop(self) -> None:
        """End it, and return once it is gone."""


class Watchbill:
    """Ours, as a user runs it: `watchbill run` under the operator's own role."""

    name = OURS

    def __init__(
        self, api: Api, kubeconfig: Path, log: Path, team_count: int, identity: str = "bench"
    ) -> None:
        self._api = api
        self._teams = team_count
        self._declared = 0
        self.process = OperatorProcess(kubeconfig, log, identity=identity)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    async def start(self) -> None:
        """Start it, and return once it leads, and its queue is empty."""
        await self.start_to_ready()
        await self.settle()

    async def start_to_ready(self, within: float = 60.0) -> float:
        """Start it, and return the seconds until it said that it is ready."""
        begins = self.process.log.stat().st_size if self.process.log.exists() else 0
        began = time.monotonic()
        self.process.start(wait=False)
        self.process.wait_for_line("ready", within, begins)
        return time.monotonic() - began

    async def settle(self) -> None:
        """Return once nothing waits in its queue, and nothing is worked at."""
        found = 0

        async def is_quiet() -> bool:
            nonlocal found
            idle = {"watchbill_queue_depth": 0.0, "watchbill_active_workers": 0.0}
            now = {name: await self.metric(name) for name in idle}
            found = found + 1 if now == idle else 0
            return found >= QUIET

        await wait_for(is_quiet, "the operator's queue is empty", STEADY_WITHIN, pause=0.2)

    async def metric(self, name: str) -> float:
        """The sum of all its metrics of this name."""
        text = await asyncio.to_thread(self.process.http, "/metrics")
        lines = (line for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name)
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    async def declare(self, name: str) -> None:
        """Declare an incident in the next team's namespace."""
        self._declared += 1
        team = teams.team_names(self._teams)[self._declared % self._teams]
        await self._api.create(path_of(team), teams.incident(name))

    async def stop(self) -> None:
        """End it in order, so that the next one takes the lease at once."""
        await asyncio.to_thread(self.process.stop)


class _Peer:
    """A module of ours that plays a peer, and prints a word once it takes what is declared."""

    def __init__(self, name: str, api: Api, child: Child, word: str) -> None:
        self.name = name
        self._api = api
        self._child = child
        self._word = word

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    async def start(self) -> None:
        """Start it, and return once it has said its word."""
        await self.start_to_ready()

    async def start_to_ready(self) -> float:
        """Start it, and return the seconds until it said its word."""
        began = time.monotonic()
        self._child.start()
        said, _ = await asyncio.to_thread(self._child.wait_for_line, STEADY_WITHIN, self._word)
        return said - began

    async def declare(self, name: str) -> None:
        """Declare an incident in the peers' own namespace."""
        await self._api.create(path_of(teams.OTHERS), teams.incident(name, mode="Backfill"))

    async def stop(self) -> None:
        """End it, and leave nothing that was declared to it: ours would take that in when it starts."""
        self._child.stop()
        await self._api.clear(path_of(teams.OTHERS))


class Peers:
    """Makes the peers of one stage."""

    def __init__(self, api: Api, kubeconfig: Path, logs: Path, sink_url: str) -> None:
        self._api = api
        self._kubeconfig = kubeconfig
        self._logs = logs
        self._sink_url = sink_url

    def bare(self, *options: str) -> _Peer:
        """The bare loop."""
        command = python("bench.peers.bare", f"--kubeconfig={self._kubeconfig}")
        child = Child([*command, f"--sink={self._sink_url}", *options], self._logs / "bare.log")
        return _Peer(BARE, self._api, child, "ready")

    def naive(self, *options: str, steady: int = 0) -> _Peer:
        """Naive kopf; it counts as started once so many daemons run, where that is not 0."""
        command = python("bench.peers.naive_kopf", f"--sink={self._sink_url}", f"--expect={steady}")
        around = {"KUBECONFIG": str(self._kubeconfig)}
        child = Child([*command, *options], self._logs / "naive.log", around)
        return _Peer(NAIVE, self._api, child, "steady" if steady else "ready")
