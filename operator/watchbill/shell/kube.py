"""Our own thin session with the API server; its errors are drawn here.

KubeError
├── Unreachable   no answer came, or the server said that it cannot answer now (502, 503, 504)
├── NotFound      404
├── Conflict      409: changed since, or exists already
├── Forbidden     403
├── Invalid       400, 413, 422: the object as sent will never be taken
└── Refused       any other answer, 401, 410, 429 and 500 among them
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import aiohttp
import orjson

from watchbill.shell.clock import Clock
from watchbill.shell.credentials import Credentials
from watchbill.shell.metrics import Metrics
from watchbill.shell.paths import places_of, resource_of

CONNECTIONS = 64
"""How many requests may be under way at once."""

TIMEOUT = 10.0
"""Seconds that a request may take unless its caller says otherwise."""

PAGE = 50
"""How many objects are read at once: what a page takes of memory while it is parsed is not given back."""

RESTARTS = 3
"""How often a paged list begins anew because the server has forgotten its page."""

METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
UNCOMPRESSED = {"Accept-Encoding": "identity"}
"""The API server is near: to pack and unpack takes longer than to carry."""

UNAUTHORIZED = 401
GONE = 410
Body = dict[str, Any]


class KubeError(Exception):
    """What the API server answered instead of what was asked for; status 0 means no answer."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float = 0.0) -> None:
        super().__init__(f"{reason or status}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        """Seconds that the server asks us to wait, or 0."""


class Unreachable(KubeError):
    """No answer came, or none that says anything of the object; a write may have been done."""


class NotFound(KubeError):
    """There is no such object."""


class Conflict(KubeError):
    """It has changed since it was read, or it exists already (then `reason` is AlreadyExists)."""


class Forbidden(KubeError):
    """We may not."""


class Invalid(KubeError):
    """The server will never take this; `message` is in its words."""


class Refused(KubeError):
    """The server would not, for another reason."""


ERRORS: Mapping[int, type[KubeError]] = {
    400: Invalid,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: Invalid,
    422: Invalid,
    502: Unreachable,
    503: Unreachable,
    504: Unreachable,
}


class Page(NamedTuple):
    """Some objects of a list."""

    items: list[Body]
    resource_version: str
    begins: bool
    """Whether the list begins with it, be it anew: what earlier pages had comes once more."""


class _Ask(NamedTuple):
    """One request."""

    verb: str
    method: str
    path: str
    body: Body | None = None
    content_type: str = JSON
    accept: str = JSON
    params: Mapping[str, str] = {}
    timeout: float = TIMEOUT
    take: Callable[[Body], None] | None = None
    """Gets each line of the answer as it comes, where the answer is made of lines."""


class Kube:
    """The API server, for all but watching; used in the loop in which it was made."""

    def __init__(self, credentials: Credentials, clock: Clock, metrics: Metrics) -> None:
        self._credentials = credentials
        self._clock = clock
        self._metrics = metrics
        # What a metric is for a set of labels is looked up once: there are few sets, and many requests.
        self._requests = cache(metrics.kube_requests.labels)
        self._duration = cache(metrics.kube_request_duration.labels)
        self._session = credentials.session(CONNECTIONS)
        self.unreachable_since: datetime | None = None
        """When the first request failed since the server last answered; None while it answers."""
        self.namespaces: Sequence[str] = ()
        """The namespaces in which the operator works; empty for all."""

    def places(self, kind: str) -> Sequence[str]:
        """Where a kind is to be listed: namespaces, or the empty text for everywhere."""
        return places_of(kind, self.namespaces)

    async def close(self) -> None:
        """End all connections."""
        await self._session.close()

    async def get(self, path: str, timeout: float = TIMEOUT) -> Body:
        """The object at the path, as a quorum of etcd has it."""
        return await self._send(_Ask("get", "GET", path, timeout=timeout))

    async def pages(
        self, path: str, limit: int = PAGE, metadata_only: bool = False, fields: str = ""
    ) -> AsyncIterator[Page]:
        """Every object below the path, page by page; begun anew where the server forgot a page.

        `fields` is a field selector; Invalid where the server does not know one of its fields, which it does
        not before Kubernetes 1.31 (KEP-4358).
        """
        for attempt in range(RESTARTS + 1):
            # What is read in one cannot be forgotten in between.
            size = limit if attempt < RESTARTS else 0
            try:
                async for page in self._pages(path, size, metadata_only, fields):
                    yield page
            except Refused as error:
                if error.status != GONE or attempt == RESTARTS:
                    raise
            else:
                return

    async def watch(self, path: str, params: Mapping[str, str], take: Callable[[Body], None]) -> None:
        """Give `take` each event of a watch, with the object's metadata alone, until the server ends it."""
        params = {"watch": "true", **params}
        await self._send(_Ask("watch", "GET", path, accept=METADATA, params=params, take=take))

    async def post(self, path: str, body: Body, timeout: float = TIMEOUT) -> Body:
        """The object as it was created."""
        return await self._send(_Ask("create", "POST", path, body, timeout=timeout))

    async def put(self, path: str, body: Body, timeout: float = TIMEOUT) -> Body:
        """The object as it was replaced."""
        return await self._send(_Ask("update", "PUT", path, body, timeout=timeout))

    async def patch(self, path: str, body: Body, timeout: float = TIMEOUT) -> Body:
        """The object after an RFC 7386 merge patch."""
        return await self._send(_Ask("patch", "PATCH", path, body, MERGE_PATCH, timeout=timeout))

    async def patch_status(self, path: str, body: Body, timeout: float = TIMEOUT) -> Body:
        """The object after a merge patch of its status.

        With `metadata.resourceVersion` in the body, Conflict where it has changed since; a uid in
        the body is ignored by the server (control-plane.md).
        """
        return await self.patch(f"{path}/status", body, timeout)

    async def delete(self, path: str, timeout: float = TIMEOUT) -> Body:
        """What the server answered to the deletion."""
        return await self._send(_Ask("delete", "DELETE", path, timeout=timeout))

    async def _pages(self, path: str, limit: int, metadata_only: bool, fields: str) -> AsyncIterator[Page]:
        params = ({"limit": str(limit)} if limit else {}) | ({"fieldSelector": fields} if fields else {})
        accept = METADATA_LIST if metadata_only else JSON
        while True:
            begins = "continue" not in params
            page = await self._send(_Ask("list", "GET", path, accept=accept, params=params))
            metadata = page.get("metadata", {})
            yield Page(page.pop("items", None) or [], str(metadata.get("resourceVersion", "")), begins)
            if not metadata.get("continue"):
                return
            params["continue"] = metadata["continue"]

    async def _send(self, ask: _Ask) -> Body:
        try:
            return await self._exchange(ask)
        except Refused as error:
            if error.status != UNAUTHORIZED or not self._credentials.reread():
                raise
        return await self._exchange(ask)

    async def _exchange(self, ask: _Ask) -> Body:
        began, began_at = self._clock.monotonic(), self._clock.now()
        try:
            async with self._session.request(
                ask.method,
                self._credentials.server + ask.path,
                params=ask.params,
                data=None if ask.body is None else orjson.dumps(ask.body),
                headers={"Accept": ask.accept, "Content-Type": ask.content_type, **UNCOMPRESSED},
                timeout=aiohttp.ClientTimeout(total=ask.timeout),
            ) as response:
                content = await _content(response, ask.take)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._count(ask, "none", began)
            self._mark_unreachable(began_at)
            raise Unreachable(0, type(error).__name__, str(error) or "no answer in time") from error
        self._count(ask, str(response.status), began)
        self._clock.observe_server_date(response.headers.get("Date", ""), began_at)
        self._metrics.clock_skew.set(self._clock.skew.total_seconds())
        found = _parsed(content)
        if not response.ok:
            raise self._error(response, found or _as_message(content), began_at)
        if found is None:
            # Half an answer, or a page of a proxy: nothing is known of the object, nor of what was written.
            self._mark_unreachable(began_at)
            raise Unreachable(0, "InvalidAnswer", "the answer is no JSON object; is a proxy in between?")
        self.unreachable_since = None
        return found

    def _error(self, response: aiohttp.ClientResponse, found: Body, began_at: datetime) -> KubeError:
        kind = ERRORS.get(response.status, Refused)
        if kind is Unreachable:
            self._mark_unreachable(began_at)
        else:
            self.unreachable_since = None
        after = response.headers.get("Retry-After", "")
        return kind(
            response.status,
            str(found.get("reason", "")),
            str(found.get("message", "")) or (response.reason or ""),
            float(after) if after.isdecimal() else 0.0,
        )

    def _mark_unreachable(self, moment: datetime) -> None:
        self.unreachable_since = self.unreachable_since or moment

    def _count(self, ask: _Ask, code: str, began: float) -> None:
        resource = resource_of(ask.path)
        self._requests(ask.verb, resource, code).inc()
        self._duration(ask.verb, resource).observe(self._clock.monotonic() - began)


async def _content(response: aiohttp.ClientResponse, take: Callable[[Body], None] | None) -> bytes:
    """What was answered; an empty object where each line of it went to `take`."""
    if take is None or not response.ok:
        return await response.read()
    rest = b""
    async for chunk in response.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in filter(None, lines):
            if (found := _parsed(line)) is None:
                return line
            take(found)
    return rest or b"{}"


def _parsed(content: bytes) -> Body | None:
    """The JSON object; None where it is something else."""
    try:
        parsed = orjson.loads(content)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _as_message(content: bytes) -> Body:
    """The text, such as a proxy's page, as the message of a Status."""
    return {"message": content[:500].decode(errors="replace")}
