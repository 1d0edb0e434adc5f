"""An API server in the loop of the test: objects, resourceVersions, pages, patches, and faults on demand."""

import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from watchbill.shell.clock import Clock
from watchbill.shell.credentials import Credentials
from watchbill.shell.kube import Kube
from watchbill.shell.metrics import Metrics

COLLECTIONS = {
    "incidents",
    "escalationpolicies",
    "incidentclasses",
    "connections",
    "incidentupdates",
    "leases",
    "secrets",
    "events",
}
Body = dict[str, Any]


@dataclass
class Fault:
    """What the server does instead of answering a request that matches."""

    status: int
    body: Body = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    method: str = ""
    path: str = ""
    times: int = 1
    """How often it happens."""

    def matches(self, request: web.Request) -> bool:
        return self.method in ("", request.method) and self.path in request.path


class FakeApi:
    def __init__(self) -> None:
        self.objects: dict[str, Body] = {}
        self.version = 100
        self.faults: deque[Fault] = deque()
        self.before: Callable[[web.Request], Awaitable[None]] | None = None
        """Called with each request before it is answered."""
        self.silent = False
        """Close the connection without an answer."""
        self.requests: list[tuple[str, str]] = []
        self.authorizations: list[str | None] = []
        self.date = ""
        """The Date header of all answers; empty ones say nothing of the time."""
        self.url = ""

    def put(self, path: str, **content: Any) -> Body:
        """Store an object and return it; its name and namespace are those of the path."""
        self.version += 1
        parts = path.strip("/").split("/")
        metadata = {"name": parts[-1], "uid": f"uid-{self.version}", "resourceVersion": str(self.version)}
        if "namespaces" in parts:
            metadata["namespace"] = parts[parts.index("namespaces") + 1]
        metadata |= {key: value for key, value in content.pop("metadata", {}).items()}
        self.objects[path] = {"metadata": metadata, **content}
        return self.objects[path]

    def change(self, path: str, **spec: Any) -> None:
        """Somebody changes fields of an object's spec, or none of them but something else about it."""
        old = self.objects[path]
        self.version += 1
        metadata = old["metadata"] | {"resourceVersion": str(self.version)}
        if spec:
            metadata["generation"] += 1
        self.objects[path] = old | {"metadata": metadata, "spec": old["spec"] | spec}

    def lists(self, path: str) -> list[Body]:
        prefix, _, plural = path.rpartition("/")
        return [
            body
            for where, body in sorted(self.objects.items())
            if where.startswith(prefix) and where.split("/")[-2] == plural
        ]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path))
        self.authorizations.append(request.headers.get("Authorization"))
        if self.before is not None:
            await self.before(request)
        if self.silent:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        for fault in self.faults:
            if fault.matches(request):
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return web.json_response(
                    fault.body, status=fault.status, headers={"Date": self.date} | fault.headers
                )
        text = await request.text()
        status, body = self._act(request, json.loads(text) if text else {})
        return web.json_response(body, status=status, headers={"Date": self.date})

    def _act(self, request: web.Request, body: Body) -> tuple[int, Body]:
        path = request.path
        if request.method == "GET" and path.split("/")[-1] in COLLECTIONS:
            return 200, self._page(request)
        if request.method == "POST":
            return self._create(f"{path}/{body['metadata']['name']}", body)
        where = path.removesuffix("/status")
        if where not in self.objects:
            return 404, {"reason": "NotFound", "message": f"{where} not found"}
        if request.method == "GET":
            return 200, self.objects[where]
        if request.method == "DELETE":
            return 200, self.objects.pop(where)
        return self._write(request.method, path, body)

    def _create(self, where: str, body: Body) -> tuple[int, Body]:
        if where in self.objects:
            return 409, {"reason": "AlreadyExists", "message": f"{where} already exists"}
        return 201, self.put(where, **body)

    def _write(self, method: str, path: str, body: Body) -> tuple[int, Body]:
        where = path.removesuffix("/status")
        known = self.objects[where]
        if "watchbill.dev" in where:
            # A write of the status changes nothing else, and any other write does not change the status.
            part = {"status"} if path != where else set(body) - {"status"}
            body = {key: value for key, value in body.items() if key in part or key == "metadata"}
        wanted = (body.get("metadata") or {}).get("resourceVersion")
        if wanted and wanted != known["metadata"]["resourceVersion"]:
            return 409, {"reason": "Conflict", "message": "the object has been modified"}
        self.version += 1
        changed = body if method == "PUT" else merged(known, body)
        notes = {key: each for key, each in changed["metadata"].items() if key == "annotations"}
        changed["metadata"] = known["metadata"] | notes | {"resourceVersion": str(self.version)}
        if "generation" in known["metadata"] and changed.get("spec") != known.get("spec"):
            changed["metadata"]["generation"] += 1
        self.objects[where] = changed
        return 200, changed

    def _page(self, request: web.Request) -> Body:
        items = self.lists(request.path)
        if "PartialObjectMetadataList" in request.headers["Accept"]:
            items = [{"metadata": item["metadata"]} for item in items]
        start = int(request.query.get("continue", "0"))
        limit = int(request.query.get("limit", "0")) or len(items)
        metadata = {"resourceVersion": str(self.version)}
        if start + limit < len(items):
            metadata["continue"] = str(start + limit)
        return {"items": items[start : start + limit], "metadata": metadata}


def merged(old: Any, change: Any) -> Any:
    """RFC 7386."""
    if not isinstance(change, dict):
        return change
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


@asynccontextmanager
async def serving(api: FakeApi) -> AsyncIterator[FakeApi]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield api
    finally:
        await runner.cleanup()


@asynccontextmanager
async def connected(
    api: FakeApi, clock: Clock | None = None, credentials: Credentials | None = None
) -> AsyncIterator[Kube]:
    kube = Kube(credentials or Credentials(api.url), clock or Clock(), Metrics())
    try:
        yield kube
    finally:
        await kube.close()
