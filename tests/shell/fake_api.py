"""The API server of the shell's tests: the one in memory, with faults on demand, and a back door."""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.support.apiserver import over_http
from tests.support.apiserver.answers import Answer
from tests.support.apiserver.reading import Place, Request, place_of
from tests.support.apiserver.requests import ApiServer, NoAnswer
from tests.support.apiserver.resources import NAMESPACES, RESOURCES
from tests.support.apiserver.watching import Stream
from watchbill.shell.clock import Clock
from watchbill.shell.credentials import Credentials
from watchbill.shell.kube import Kube
from watchbill.shell.metrics import Metrics

Body = dict[str, Any]

AT_HAND = ("default", "shop", "watchbill")
"""The namespaces that are there from the start."""


@dataclass
class Fault:
    """What the server does instead of answering a request that matches."""

    status: int
    body: Body | str = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    method: str = ""
    path: str = ""
    times: int = 1
    """How often it happens."""

    def matches(self, request: Request) -> bool:
        return self.method in ("", request.method) and self.path in request.path


class Objects(MutableMapping[str, Body]):
    """All objects but namespaces by their paths, to be read and changed behind the server's back."""

    def __init__(self, server: ApiServer) -> None:
        self._store = server.store

    def __getitem__(self, path: str) -> Body:
        place = _placed(path)
        found = self._store.get(place.resource, place.resource.key(place.namespace, place.name))
        if found is None:
            raise KeyError(path)
        return found

    def __setitem__(self, path: str, body: Body) -> None:
        place = _placed(path)
        self._store.put(place.resource, place.resource.key(place.namespace, place.name), body)

    def __delitem__(self, path: str) -> None:
        self[path]
        place = _placed(path)
        self._store.remove(place.resource, place.resource.key(place.namespace, place.name))

    def __iter__(self) -> Iterator[str]:
        for resource in RESOURCES:
            if resource is not NAMESPACES:
                root = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
                for key, _ in self._store.all(resource):
                    namespace, _, name = key.rpartition("/")
                    inside = f"/namespaces/{namespace}" if namespace else ""
                    yield f"{root}{inside}/{resource.plural}/{name}"

    def __len__(self) -> int:
        return sum(1 for _ in self)


class FakeApi:
    def __init__(self) -> None:
        self.server = ApiServer(lambda: datetime.now(UTC))
        for name in AT_HAND:
            self.server.writer.create(NAMESPACES, "", {"metadata": {"name": name}})
        self.objects = Objects(self.server)
        self.faults: deque[Fault] = deque()
        self.before: Callable[[Request], Awaitable[None]] | None = None
        """Called with each request before it is answered."""
        self.silent = False
        """Close the connection without an answer."""
        self.requests: list[tuple[str, str]] = []
        self.authorizations: list[str | None] = []
        self.date = ""
        """The Date header of all answers; empty ones say nothing of the time."""
        self.url = ""

    @property
    def version(self) -> int:
        """The resourceVersion of the last change."""
        return self.server.store.version

    @version.setter
    def version(self, version: int) -> None:
        self.server.store.version = version

    def put(self, path: str, **content: Any) -> Body:
        """Store an object and return it; its name and namespace are those of the path."""
        place = _placed(path)
        metadata = {"name": place.name, "uid": f"uid-{self.version + 1}", "generation": 1}
        metadata |= {"namespace": place.namespace} if place.namespace else {}
        metadata |= content.pop("metadata", {})
        self.objects[path] = {**place.resource.identity, "metadata": metadata, **content}
        return self.objects[path]

    def change(self, path: str, **spec: Any) -> None:
        """Somebody changes fields of an object's spec, or none of them but something else about it."""
        old = self.objects[path]
        metadata = old["metadata"] | ({"generation": old["metadata"]["generation"] + 1} if spec else {})
        self.objects[path] = old | {"metadata": metadata, "spec": old["spec"] | spec}

    def lists(self, path: str) -> list[Body]:
        return [body for where, body in self.objects.items() if where.rpartition("/")[0] == path]

    async def handle(self, request: Request) -> Answer | Stream:
        self.requests.append((request.method, request.path))
        self.authorizations.append(request.authorization)
        if self.before is not None:
            await self.before(request)
        if self.silent:
            raise NoAnswer
        for fault in self.faults:
            if fault.matches(request):
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return Answer(fault.status, fault.body, {"Date": self.date} | fault.headers)
        found = self.server.answer(request)
        return found._replace(headers={"Date": self.date}) if isinstance(found, Answer) else found


def _placed(path: str) -> Place:
    found = place_of(path)
    assert isinstance(found, Place), f"{path} is no path of an object"
    return found


@asynccontextmanager
async def serving(api: FakeApi) -> AsyncIterator[FakeApi]:
    async with over_http.serving(api.server, api.handle) as api.url:
        yield api


@asynccontextmanager
async def connected(
    api: FakeApi, clock: Clock | None = None, credentials: Credentials | None = None
) -> AsyncIterator[Kube]:
    kube = Kube(credentials or Credentials(api.url), clock or Clock(), Metrics())
    try:
        yield kube
    finally:
        await kube.close()
