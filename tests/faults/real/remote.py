"""The real API server, as the people of a story and a proxy before it ask it, and a copy of its incidents."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import aiohttp

from tests.faults.real.world import World
from tests.support.apiserver.answers import Answer
from tests.support.apiserver.reading import JSON, MERGE_PATCH, Request
from tests.support.apiserver.requests import ApiServer, NoAnswer
from tests.support.apiserver.resources import RESOURCES, Body
from tests.support.apiserver.store import Change, Store
from watchbill.shell.paths import BASE, CLUSTER_SCOPED, PLURALS, path_of

HEADERS = ("Content-Type", "Date", "Retry-After")
"""What of an answer's head is passed on."""

KINDS = {resource.kind: resource for resource in RESOURCES}
NAMESPACED = {f"{BASE}/{plural}": plural for kind, plural in PLURALS.items() if kind not in CLUSTER_SCOPED}
CLASSES = path_of("IncidentClass")
EXPECTED = (404, 409)
"""What a person may be answered that is no surprise."""


class Copy(Store):
    """What etcd has of incidents, by its own watch: each version, in order."""

    def learn(self, event: Body) -> None:
        """Take over what a watch tells."""
        body = event["object"]
        resource = KINDS[body["kind"]]
        key = resource.key(body["metadata"].get("namespace", ""), body["metadata"]["name"])
        before = self._objects[resource].pop(key, None)
        after = None if event["type"] == "DELETED" else body
        if after is not None:
            self._objects[resource][key] = after
        self.version = int(body["metadata"]["resourceVersion"])
        self._log.append(Change(self.version, resource, key, before, after))


class Remote(ApiServer):
    """The API server behind a URL, of which an operator sees one namespace and one class."""

    def __init__(self, world: World, namespace: str, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self.copy = self.store = Copy()
        self._world, self.namespace = world, namespace
        self.refused: list[str] = []
        """What people were refused that nobody expected."""

    def ask(self, method: str, path: str, body: Body | None = None, **query: str) -> Body:
        """What the server says to a person: the one who, by the body, does this."""
        headers = {"Content-Type": MERGE_PATCH if method == "PATCH" else JSON}
        headers |= {"Impersonate-User": author_of(body), "Impersonate-Group": "system:masters"}
        content = None if body is None else json.dumps(body)
        answer = self._world.people.request(method, path, content=content, headers=headers, params=query)
        told: Body = answer.json()
        if not answer.is_success and answer.status_code not in EXPECTED:
            self.refused.append(f"{method} {path}: {told.get('message')}")
        return told

    async def handle(self, request: Request) -> Answer:
        """The answer to an operator; raises NoAnswer where the server breaks off."""
        try:
            async with self._ask(request) as answer:
                text = await answer.text()
                return Answer(answer.status, text, _passed_on(answer))
        except aiohttp.ClientError as error:
            raise NoAnswer from error

    @asynccontextmanager
    async def watching(self, request: Request) -> AsyncIterator[aiohttp.ClientResponse]:
        """The server's stream for an operator."""
        try:
            async with self._ask(request) as answer:
                yield answer
        except aiohttp.ClientError as error:
            raise NoAnswer from error

    async def follow(self) -> None:
        """Keep the copy up to date, for ever."""
        path, version = path_of("Incident", self.namespace), ""
        while True:
            query = {"watch": "true", "resourceVersion": version} if version else {"watch": "true"}
            async with self._world.admin.get(self._world.cluster.url + path, params=query) as stream:
                assert stream.status == 200, await stream.text()
                async for line in stream.content:
                    event = json.loads(line)
                    assert event["type"] in ("ADDED", "MODIFIED", "DELETED"), event
                    self.copy.learn(event)
                    version = event["object"]["metadata"]["resourceVersion"]

    def _ask(self, request: Request) -> Any:
        path, query = self._narrowed(request)
        headers = {"Accept": request.accept, "Content-Type": request.content_type}
        if request.authorization:
            headers["Authorization"] = request.authorization
        url, body = self._world.cluster.url + path, request.body or None
        return self._world.operators.request(request.method, url, params=query, data=body, headers=headers)

    def _narrowed(self, request: Request) -> tuple[str, dict[str, str]]:
        """The path and query of what is asked, of one namespace and one class in place of all."""
        query = dict(request.query)
        if request.path == CLASSES:
            query["fieldSelector"] = f"metadata.name={self.namespace}"
        if plural := NAMESPACED.get(request.path):
            return f"{BASE}/namespaces/{self.namespace}/{plural}", query
        return request.path, query


def author_of(body: Body | None) -> str:
    """Who, by what a change of an incident says, makes it; ana where it says nothing."""
    spec = (body or {}).get("spec") or {}
    said = list((spec.get("setBy") or {}).values()) + list(spec.get("acknowledgedBy") or {})
    return str(said[0]) if said else "ana"


def _passed_on(answer: aiohttp.ClientResponse) -> dict[str, str]:
    return {name: answer.headers[name] for name in HEADERS if name in answer.headers}


async def given_up(task: "asyncio.Task[None]") -> BaseException | None:
    """What ended a task that should go on for ever, which ends now in any case."""
    failed = task.exception() if task.done() else None
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return failed
