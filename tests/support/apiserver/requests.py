"""The server: a request becomes an answer, or a watch."""

import threading
from collections.abc import Awaitable, Callable
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

import orjson

from tests.support.apiserver.answers import (
    PAGE_NOT_FOUND,
    Answer,
    Refusal,
    bad_request,
    details,
    unmodeled,
)
from tests.support.apiserver.discovery import DOCUMENTS
from tests.support.apiserver.listing import listed
from tests.support.apiserver.reading import JSON, MERGE_PATCH, Place, Request, body_of, patch_of, place_of
from tests.support.apiserver.resources import Body
from tests.support.apiserver.store import Store
from tests.support.apiserver.watching import Stream
from tests.support.apiserver.writing import Writer

METADATA, METADATA_LIST = "as=PartialObjectMetadata;", "as=PartialObjectMetadataList"
KNOWN = {
    "allowWatchBookmarks",
    "continue",
    "fieldManager",
    "fieldSelector",
    "fieldValidation",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeout",
    "timeoutSeconds",
    "watch",
}

Handler = Callable[[Request], Awaitable[Answer | Stream]]
"""What serves requests: the server, or something before it that makes faults."""


class NoAnswer(Exception):
    """The connection breaks instead of an answer: raised by a handler that makes faults."""


@lru_cache
def _date(second: datetime) -> str:
    """A second in UTC, as the header has it."""
    return format_datetime(second, usegmt=True)


class ApiServer:
    """An API server without a schema, whose answers are the same in every run; any thread may ask it."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.store = Store()
        self.writer = Writer(self.store, now)
        self._now = now
        self._lock = threading.RLock()
        self.on_change: list[Callable[[], None]] = []
        """Called, in whatever thread, when streams may have something to tell."""

    async def handle(self, request: Request) -> Answer | Stream:
        """The answer, for what serves the server."""
        return self.answer(request)

    def answer(self, request: Request) -> Answer | Stream:
        """The answer, with the time of the server; or the stream, where the request is a watch."""
        with self._lock:
            before = self.store.version
            try:
                found = self._answer(request)
            except Refusal as refusal:
                found = refusal.answer
            changed = self.store.version != before
        if changed:
            self.tick()
        if isinstance(found, Stream):
            return found
        date = _date(self._now().replace(microsecond=0))
        return Answer(found.code, found.body, {**found.headers, "Date": date})

    def ask(self, method: str, path: str, body: Body | None = None, **query: str) -> Body:
        """The JSON body of an answer, for whoever sets the stage; a patch is a merge patch."""
        kind = MERGE_PATCH if method == "PATCH" else JSON
        found = self.answer(Request(method, path, query, "" if body is None else orjson.dumps(body), kind))
        assert isinstance(found, Answer), "a watch is drained, not read"
        told = orjson.loads(found.content)
        assert isinstance(told, dict)
        return told

    def drain(self, stream: Stream) -> list[Body]:
        """What the stream has to tell by now; whoever gets it may change it."""
        with self._lock:
            events = stream.drain()
        return [orjson.loads(orjson.dumps(event)) for event in events]

    def tick(self) -> None:
        """Have all streams look whether they have something to tell: time has passed, or things changed."""
        for call in self.on_change:
            call()

    def forget(self) -> None:
        """Forget all history: old versions and tokens get 410, and so do streams that lag behind."""
        with self._lock:
            self.store.compact()
        self.tick()

    def _answer(self, request: Request) -> Answer | Stream:
        if unknown := set(request.query) - KNOWN:
            raise unmodeled(f"the parameter {sorted(unknown)[0]}")
        if request.path in DOCUMENTS:
            return Answer(200, DOCUMENTS[request.path])
        place = place_of(request.path)
        if isinstance(place, Answer):
            return place
        if not place.name:
            return self._of_all(request, place)
        return self._of_one(request, place)

    def _of_all(self, request: Request, place: Place) -> Answer | Stream:
        resource, namespace = place.resource, place.namespace
        if request.method == "POST":
            if resource.namespaced and not namespace:
                return PAGE_NOT_FOUND
            body = body_of(request, resource)
            return Answer(201, self.writer.create(resource, namespace, body))
        if request.method in ("PUT", "PATCH"):
            raise bad_request("name must be provided")
        if request.method != "GET":
            raise unmodeled(f"{request.method} of a whole list")
        if request.query.get("watch") in ("true", "1"):
            stream = Stream(self.store, self._now, resource, namespace, request.query)
            stream.partial = METADATA in request.accept
            return stream
        partial = METADATA_LIST in request.accept
        return Answer(200, listed(self.store, resource, namespace, request.query, partial))

    def _of_one(self, request: Request, place: Place) -> Answer:
        resource, where = place.resource, (place.namespace, place.name)
        status = place.subresource == "status"
        match request.method:
            case "PUT" if place.subresource == "finalize":
                return Answer(200, self.writer.finalize(place.name, body_of(request, resource)))
            case "GET":
                return Answer(200, self.writer.found(resource, *where))
            case "PATCH":
                change = patch_of(request, resource)
                return Answer(200, self.writer.patch(resource, where, change, status))
            case "PUT":
                return self.writer.replace(resource, where, body_of(request, resource), status)
            case "POST" if not status:
                raise unmodeled("POST to one object")
            case "DELETE" if not status:
                return self.writer.delete(resource, where, body_of(request, resource) if request.body else {})
        verb = {"DELETE": "delete", "POST": "create"}.get(request.method, request.method.lower())
        message = f'{verb} is not supported on resources of kind "{resource.qualified_plural}"'
        raise Refusal(405, "MethodNotAllowed", message, details(resource))
