"""Alertmanager as it is fastest: every alert a group of its own, and no waiting for more of the group."""

import json
import shutil
from pathlib import Path
from typing import Any

import aiohttp

from bench.child import Child
from bench.results import ALERTMANAGER
from bench.waiting import wait_for
from dev.errors import DevError
from dev.servers import free_ports

READY_WITHIN = 30.0


class Alertmanager:
    """The process, and what declares an alert to it."""

    name = ALERTMANAGER

    def __init__(self, binary: Path, home: Path, sink_url: str) -> None:
        # It remembers for hours what it has told, and would not tell it again in another run.
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        config = home / "alertmanager.json"
        config.write_text(json.dumps(configuration(sink_url)))
        self._port = free_ports().apiserver
        listen = f"127.0.0.1:{self._port}"
        command = [str(binary), f"--config.file={config}", f"--storage.path={home}"]
        command += [f"--web.listen-address={listen}", "--cluster.listen-address=", "--log.level=warn"]
        self._url = f"http://{listen}"
        self._child = Child(command, home / "alertmanager.log")
        self._session: aiohttp.ClientSession | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    async def start(self) -> None:
        """Start it, and return once it takes alerts."""
        self._child.start()
        session = self._session = aiohttp.ClientSession()

        async def is_ready() -> bool:
            try:
                async with session.get(f"{self._url}/-/ready") as answer:
                    return answer.ok
            except aiohttp.ClientError:
                return False

        await wait_for(is_ready, "Alertmanager is ready", READY_WITHIN)

    async def declare(self, name: str) -> None:
        """Tell it of an alert of this name."""
        assert self._session is not None, "it was not started"
        alert = {"labels": {"alertname": name, "severity": "critical"}, "annotations": {"summary": name}}
        async with self._session.post(f"{self._url}/api/v2/alerts", json=[alert]) as answer:
            if not answer.ok:
                raise DevError(f"Alertmanager refused an alert: {await answer.text()}")

    async def stop(self) -> None:
        """End it."""
        if self._session is not None:
            await self._session.close()
        self._child.stop()


def configuration(sink_url: str) -> dict[str, Any]:
    """Its configuration; YAML is JSON too."""
    webhook = {"url": f"{sink_url}/alertmanager", "send_resolved": False, "max_alerts": 0}
    route = {"receiver": "sink", "group_by": ["alertname"], "group_wait": "0s", "group_interval": "5m"}
    return {"route": route, "receivers": [{"name": "sink", "webhook_configs": [webhook]}]}
