"""What a case asks of an API server, in its own namespace; all of it is recorded."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.conformance.servers import Server, Watch
from tests.conformance.transcript import Transcript
from tests.support.apiserver.answers import Answer
from tests.support.apiserver.reading import JSON, MERGE_PATCH, Request
from watchbill.api.group import API_VERSION
from watchbill.shell.paths import BASE, CLUSTER_SCOPED, PLURALS, core_path, lease_path

METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
Body = dict[str, Any]

CLUSTER_WIDE = {PLURALS[kind] for kind in CLUSTER_SCOPED}


class Found:
    """An answer, and what cases often ask of it."""

    def __init__(self, answer: Answer) -> None:
        self.code = answer.code
        self.body: Body = answer.body if isinstance(answer.body, dict) else {}

    @property
    def version(self) -> str:
        """The resourceVersion."""
        return str(self.body["metadata"]["resourceVersion"])

    @property
    def token(self) -> str:
        """Where the next page begins."""
        return str(self.body["metadata"]["continue"])

    @property
    def reason(self) -> str:
        """Why it was refused."""
        return str(self.body.get("reason", ""))

    @property
    def names(self) -> list[str]:
        """The names of a list."""
        return [item["metadata"]["name"] for item in self.body["items"] or []]


class Api:
    """One case's view of a server.

    A path is `connections/a` for an object of the case's namespace, or begins with a slash.
    """

    def __init__(self, server: Server, namespace: str) -> None:
        self.server = server
        self.namespace = namespace
        self.transcript = Transcript(namespace)

    def post(self, path: str, body: object, text: str | None = None) -> Found:
        return self._ask("POST", path, body, text=text)

    def get(self, path: str, accept: str = JSON, **query: object) -> Found:
        return self._ask("GET", path, accept=accept, query=query)

    def put(self, path: str, body: object) -> Found:
        return self._ask("PUT", path, body)

    def patch(
        self, path: str, body: object, content_type: str = MERGE_PATCH, text: str | None = None
    ) -> Found:
        return self._ask("PATCH", path, body, content_type, text=text)

    def delete(self, path: str, body: object = None) -> Found:
        return self._ask("DELETE", path, body)

    @contextmanager
    def watch(self, path: str, accept: str = JSON, **query: object) -> Iterator["Watching"]:
        found = self._watched(path, query, accept)
        if isinstance(found, Answer):
            self.transcript.answered(found)
            raise AssertionError(f"the watch was refused: {found}")
        try:
            yield Watching(found, self.transcript)
        finally:
            found.close()

    def refused_watch(self, path: str, **query: object) -> Found:
        found = self._watched(path, query)
        assert isinstance(found, Answer), "the watch was begun"
        self.transcript.answered(found)
        return Found(found)

    def quietly(self, method: str, path: str, body: Body | None = None) -> Body:
        """The body of an answer that is not recorded."""
        answer = self.server.ask(
            Request(method, self.absolute(path), {}, "" if body is None else json.dumps(body))
        )
        assert answer.code < 300, answer
        assert isinstance(answer.body, dict)
        return answer.body

    def absolute(self, path: str) -> str:
        if path.startswith("/"):
            return path
        plural, _, rest = path.partition("/")
        if plural in CLUSTER_WIDE:
            base = f"{BASE}/{plural}"
        elif plural in PLURALS.values():
            base = f"{BASE}/namespaces/{self.namespace}/{plural}"
        else:
            base = lease_path(self.namespace) if plural == "leases" else core_path(plural, self.namespace)
        return f"{base}/{rest}" if rest else base

    def _watched(self, path: str, query: dict[str, Any], accept: str = JSON) -> Watch | Answer:
        query = {"watch": "true"} | _texts(query)
        request = Request("GET", self.absolute(path), query, accept=accept)
        self.transcript.asked(path, request)
        return self.server.watch(self._aged(request))

    def _aged(self, request: Request) -> Request:
        """The request, with what is forgotten in it as this server has forgotten it."""
        aged = {
            name: self.server.aged(text) for name, text in request.query.items() if isinstance(text, Aged)
        }
        return request._replace(query={**request.query, **aged})

    def _ask(
        self,
        method: str,
        path: str,
        body: object = None,
        content_type: str = JSON,
        accept: str = JSON,
        **rest: Any,
    ) -> Found:
        text = rest.get("text")
        sent = text if text is not None else "" if body is None else json.dumps(body)
        request = Request(
            method, self.absolute(path), _texts(rest.get("query") or {}), sent, content_type, accept
        )
        self.transcript.asked(path, request)
        answer = self.server.ask(self._aged(request))
        self.transcript.answered(answer)
        return Found(answer)


class Watching:
    """A watch of a case; what it tells is recorded."""

    def __init__(self, watch: Watch, transcript: Transcript) -> None:
        self._watch, self._transcript = watch, transcript

    def take(self, count: int) -> list[Body]:
        return self._told(self._watch.take(count))

    def rest(self) -> list[Body]:
        """What is told until the server ends it; it may say the same bookmark more than once."""
        events = self._watch.rest()
        return self._told(
            [event for event, last in zip(events, [None, *events], strict=False) if event != last]
        )

    def _told(self, events: list[Body]) -> list[Body]:
        self._transcript.told(events)
        return events


Case = Callable[[Api], None]


def connection(name: str, *classes: str, **metadata: object) -> Body:
    """A Connection that the schema takes; for these classes, where any are given."""
    allowed = {"allowedClasses": list(classes)} if classes else {}
    return _ours("Connection", {"name": name} | metadata, {"console": {}} | allowed)


def incident(name: str, severity: str = "SEV-1") -> Body:
    """An Incident that the schema takes, declared by the administrator."""
    spec = {"title": "Checkout is down", "severity": severity, "mode": "Drill"}
    return _ours("Incident", {"name": name}, spec | {"setBy": {"declaration": "admin"}})


def incident_class(name: str) -> Body:
    """An IncidentClass that the schema takes."""
    policy = {"policyRef": {"name": "primary", "namespace": "platform"}}
    severities = [{"name": "SEV-1", "rank": 1, "reopenWindow": "1h"}]
    return _ours("IncidentClass", {"name": name}, {"severities": severities, "defaultEscalation": policy})


def secret(name: str, **metadata: object) -> Body:
    """A Secret with one value."""
    return {"metadata": {"name": name} | metadata, "data": {"key": "aGVsbG8="}}


def lease(name: str, holder: str = "one", **metadata: object) -> Body:
    """A Lease, as the elector writes it."""
    moment = "2026-01-01T00:00:00.000000Z"
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 10, "acquireTime": moment, "renewTime": moment}
    metadata = {"name": name} | metadata
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}


def allowing(*classes: str) -> Body:
    """A patch of a Connection's spec."""
    return {"spec": {"allowedClasses": list(classes)}}


def observed(generation: int, **metadata: object) -> Body:
    """A patch of a Connection's status."""
    return ({"metadata": metadata} if metadata else {}) | {"status": {"observedGeneration": generation}}


class Aged(str):
    """A version or a token that the server has forgotten by now; recorded as what it was."""

    __slots__ = ()


def _ours(kind: str, metadata: Body, spec: Body) -> Body:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _texts(query: dict[str, Any]) -> dict[str, str]:
    texts = {name.rstrip("_"): value for name, value in query.items()}
    return {name: value if isinstance(value, str) else str(value) for name, value in texts.items()}
