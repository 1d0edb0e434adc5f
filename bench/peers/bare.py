"""The bare loop: watches and posts, and that is all. The limit of what this language can do here.

It records nothing, so a crash loses all that it knew. With `--deadlines` it posts when an incident's next
level is due instead. `python -m bench.peers.bare --kubeconfig FILE --sink URL` prints `ready` once it has
listed.
"""

import argparse
import asyncio
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from watchbill.api.group import GROUP, VERSION
from watchbill.shell.credentials import Credentials, from_kubeconfig

CONNECTIONS = 64
LINE_LIMIT = 4 * 1024 * 1024

Object = dict[str, Any]


class Pager:
    """Posts pages to the sink."""

    def __init__(self, sink: str, session: aiohttp.ClientSession) -> None:
        self._sink = sink
        self._session = session
        self._tasks: set[asyncio.Task[None]] = set()
        self._armed: dict[str, str] = {}

    def page_declared(self, incident: Object, is_new: bool) -> None:
        """Page at once for an incident that was declared since this process began."""
        if is_new:
            self._begin(incident["metadata"]["name"], incident["metadata"]["uid"])

    def page_at_deadline(self, incident: Object, is_new: bool) -> None:
        """Page when the incident's next level is due; at once where that is over."""
        uid, due = (
            incident["metadata"]["uid"],
            incident.get("status", {}).get("escalation", {}).get("nextTime"),
        )
        if due and self._armed.get(uid) != due:
            self._armed[uid] = due
            wait = (datetime.fromisoformat(due) - datetime.now(UTC)).total_seconds()
            name, loop = incident["metadata"]["name"], asyncio.get_running_loop()
            loop.call_later(max(wait, 0), self._fire, name, uid, due)

    def _fire(self, name: str, uid: str, due: str) -> None:
        if self._armed[uid] == due:
            self._begin(name, uid + due)

    def _begin(self, name: str, key: str) -> None:
        task = asyncio.create_task(self._post(name, key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _post(self, name: str, key: str) -> None:
        async with self._session.post(f"{self._sink}/bare", json={"incident": name, "key": key}) as answer:
            await answer.read()


class Incidents:
    """The incidents of the API server, of one namespace or of all."""

    def __init__(self, credentials: Credentials, namespace: str) -> None:
        self._session = credentials.session(CONNECTIONS)
        below = f"/namespaces/{namespace}" if namespace else ""
        self._url = f"{credentials.server}/apis/{GROUP}/{VERSION}{below}/incidents"

    async def listed(self) -> tuple[list[Object], str]:
        """All of them, and the version of the list."""
        items: list[Object] = []
        params = {"limit": "500"}
        while True:
            async with self._session.get(self._url, params=params) as answer:
                page = json.loads(await answer.read())
            items += page["items"]
            if not page["metadata"].get("continue"):
                return items, page["metadata"]["resourceVersion"]
            params["continue"] = page["metadata"]["continue"]

    async def watch(self, version: str, take: Callable[[Object], None]) -> None:
        """Take each one that appears or changes after this version."""
        params = {"watch": "true", "resourceVersion": version}
        timeout = aiohttp.ClientTimeout(total=None)
        async with self._session.get(
            self._url, params=params, timeout=timeout, read_bufsize=LINE_LIMIT
        ) as answer:
            async for line in answer.content:
                event = json.loads(line)
                if event["type"] in ("ADDED", "MODIFIED"):
                    take(event["object"])


async def run(options: argparse.Namespace) -> None:
    """Watch and post until the process is ended."""
    credentials = from_kubeconfig([options.kubeconfig])
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as session:
        pager = Pager(options.sink, session)
        incidents = Incidents(credentials, options.namespace)
        act = pager.page_at_deadline if options.deadlines else pager.page_declared
        known, version = await incidents.listed()
        seen = _uids(known)
        for incident in known:
            act(incident, False)
        print("ready", flush=True)

        def take(incident: Object) -> None:
            uid = incident["metadata"]["uid"]
            act(incident, uid not in seen)
            seen.add(uid)

        await incidents.watch(version, take)


def _uids(incidents: Iterable[Object]) -> set[str]:
    return {incident["metadata"]["uid"] for incident in incidents}


def main() -> None:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--sink", required=True)
    parser.add_argument("--namespace", default="")
    parser.add_argument("--deadlines", action="store_true")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
