"""The driver's own requests to the API server, and what the server counted."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp

from dev.cluster import Cluster
from dev.errors import DevError
from watchbill.api.group import API_VERSION

IN_FLIGHT = 48
"""Requests of the driver at the same time while it loads."""

MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"

_SAMPLE = re.compile(r"^(\w+)\{(.*)\} (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Object = dict[str, Any]
Item = TypeVar("Item")


@dataclass(frozen=True)
class Sample:
    """One counter of the API server."""

    name: str
    labels: Mapping[str, str]
    value: float


class Api:
    """The API server, as the administrator."""

    def __init__(self, cluster: Cluster) -> None:
        self._url = cluster.url
        connector = aiohttp.TCPConnector(limit=IN_FLIGHT, ssl=cluster.ssl_context())
        self._session = aiohttp.ClientSession(connector=connector)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, path: str) -> Object:
        """The object at the path."""
        return await self._ask("GET", path)

    async def create(self, path: str, body: Object) -> Object:
        """The object as it was created."""
        return await self._ask("POST", path, body)

    async def patch(self, path: str, body: Any, how: str = MERGE) -> Object:
        """The object after the patch."""
        return await self._ask("PATCH", path, body, how)

    async def clear(self, path: str) -> None:
        """Delete all that is below the path."""
        await self._ask("DELETE", path)

    async def counters(self) -> list[Sample]:
        """What the server has counted of the requests that it took."""
        async with self._session.get(f"{self._url}/metrics") as answer:
            return samples(await answer.text())

    async def _ask(self, method: str, path: str, body: Any = None, how: str = "application/json") -> Object:
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": how}
        async with self._session.request(method, self._url + path, data=data, headers=headers) as answer:
            found: Object = json.loads(await answer.read())
        if not answer.ok:
            raise DevError(f"{method} {path} was answered {answer.status}: {found.get('message')}")
        return found


def samples(text: str) -> list[Sample]:
    """The counters that the benches read, out of what Prometheus reads."""
    wanted = ("apiserver_request_total{", "apiserver_flowcontrol_dispatched_requests_total{")
    found = (_SAMPLE.match(line) for line in text.splitlines() if line.startswith(wanted))
    return [Sample(m[1], dict(_LABEL.findall(m[2])), float(m[3])) for m in found if m]


def total(counted: Iterable[Sample], name: str, **labels: str) -> float:
    """The sum of this counter over all samples that carry these labels."""
    wanted = labels.items()
    return sum(each.value for each in counted if each.name == name and wanted <= each.labels.items())


def writes(counted: Iterable[Sample], resource: str, verb: str, subresource: str = "") -> float:
    """How many such requests the server took and did not refuse."""
    found = [each for each in counted if each.labels.get("code", "").startswith("2")]
    return total(found, "apiserver_request_total", resource=resource, verb=verb, subresource=subresource)


def asked(counted: Iterable[Sample]) -> float:
    """How many requests came from others than the driver and the server itself, watches among them."""
    name = "apiserver_flowcontrol_dispatched_requests_total"
    every = [each for each in counted if each.name == name]
    return total(every, name) - total(every, name, flow_schema="exempt")


async def each(items: Iterable[Item], act: Callable[[Item], Awaitable[None]]) -> None:
    """Act on every item, so many at the same time as the driver has connections."""
    rest = iter(items)

    async def work() -> None:
        for item in rest:
            await act(item)

    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))


def path_of(namespace: str, plural: str = "incidents", name: str = "") -> str:
    """The path of an object of ours, or of all of a kind in a namespace."""
    base = f"/apis/{API_VERSION}/namespaces/{namespace}/{plural}"
    return f"{base}/{name}" if name else base
