"""The API servers that the suite runs against: in memory, the same over HTTP, and the real one."""

import base64
import http.client
import json
import ssl
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from tests.support.apiserver.answers import Answer
from tests.support.apiserver.reading import Request
from tests.support.apiserver.requests import ApiServer
from tests.support.apiserver.watching import Stream

MOST_STEPS = 100
"""How often time may pass until a watch has ended."""

BUSY = 429
BEGINNING = "2"
PATIENCE = 15.0
"""Seconds for which an answer or an event of the real server is waited for."""


class Watch(Protocol):
    """A watch that was begun."""

    def take(self, count: int) -> list[Any]:
        """The next events, as many as that."""
        ...

    def rest(self) -> list[Any]:
        """All events until the server ends it."""
        ...

    def close(self) -> None:
        """Hear no more of it."""
        ...


class History(Protocol):
    """What a server remembers."""

    def forget(self) -> None:
        """Have it forget the past."""
        ...

    def aged(self, text: str) -> str:
        """A version or a token from before that, which it has surely forgotten by now."""
        ...


class Server(History, Protocol):
    """An API server to which cases are put."""

    def ask(self, request: Request) -> Answer:
        """The answer."""
        ...

    def watch(self, request: Request) -> Watch | Answer:
        """The watch, or the answer where there is none."""
        ...


class VirtualClock:
    """The time of the server in memory, which a test moves."""

    def __init__(self) -> None:
        self._moment = datetime(2026, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)

    def now(self) -> datetime:
        """The moment."""
        return self._moment

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._moment += timedelta(seconds=seconds)


class InMemory:
    """The server in memory, asked without a socket."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.api = ApiServer(self.clock.now)

    def ask(self, request: Request) -> Answer:
        found = self.api.answer(request)
        assert isinstance(found, Answer), "a watch must be asked for as one"
        # What a case does to an answer must not reach what is stored.
        return found._replace(body=json.loads(found.content)) if isinstance(found.body, dict) else found

    def watch(self, request: Request) -> Watch | Answer:
        found = self.api.answer(request)
        return _Drained(self, found) if isinstance(found, Stream) else found

    def forget(self) -> None:
        self.api.forget()

    def aged(self, text: str) -> str:
        return str(text)


@dataclass
class _Drained:
    server: InMemory
    stream: Stream
    waiting: list[Any] = field(default_factory=list)

    def take(self, count: int) -> list[Any]:
        self.waiting += self.server.api.drain(self.stream)
        found, self.waiting = self.waiting[:count], self.waiting[count:]
        assert len(found) == count, found
        return found

    def rest(self) -> list[Any]:
        found, self.waiting = self.waiting, []
        for _ in range(MOST_STEPS):
            found += self.server.api.drain(self.stream)
            if self.stream.ended:
                return found
            self.server.clock.advance(self.stream.seconds_left)
        raise AssertionError("the watch does not end")

    def close(self) -> None:
        """It is forgotten."""


class OverHttp:
    """A server that is asked over HTTP."""

    def __init__(
        self,
        url: str,
        history: History,
        context: ssl.SSLContext | None = None,
        pass_time: Callable[[], None] = lambda: None,
    ) -> None:
        self._address = urllib.parse.urlsplit(url)
        self._context = context
        self._connection = self.connect()
        self.forget, self.aged = history.forget, history.aged
        self.pass_time = pass_time
        """Called where a watch is waited for to its end."""

    def connect(self) -> http.client.HTTPConnection:
        host, port = self._address.hostname or "", self._address.port
        if self._context is None:
            return http.client.HTTPConnection(host, port, timeout=PATIENCE)
        return http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=self._context)

    def ask(self, request: Request) -> Answer:
        end = time.monotonic() + PATIENCE
        while True:
            answer = _read(self._send(self._connection, request))
            # The real server says so of a kind that it is only beginning to watch.
            if answer.code != BUSY or time.monotonic() > end:
                return answer
            time.sleep(0.05)

    def watch(self, request: Request) -> Watch | Answer:
        connection = self.connect()
        response = self._send(connection, request)
        if response.headers.get("Transfer-Encoding") == "chunked":
            return _Streamed(self, connection, response)
        answer = _read(response)
        connection.close()
        return answer

    def close(self) -> None:
        self._connection.close()

    def _send(self, connection: http.client.HTTPConnection, request: Request) -> http.client.HTTPResponse:
        query = urllib.parse.urlencode(request.query)
        target = request.path + (f"?{query}" if query else "")
        headers = {"Content-Type": request.content_type, "Accept": request.accept}
        connection.request(request.method, target, request.body or None, headers)
        return connection.getresponse()


@dataclass
class _Streamed:
    server: OverHttp
    connection: http.client.HTTPConnection
    response: http.client.HTTPResponse

    def take(self, count: int) -> list[Any]:
        return [json.loads(self.response.readline()) for _ in range(count)]

    def rest(self) -> list[Any]:
        self.server.pass_time()
        return [json.loads(line) for line in self.response]

    def close(self) -> None:
        self.response.close()
        self.connection.close()


class Etcd:
    """The etcd behind the real server, which forgets when it is told to and not after five minutes.

    kube-apiserver remembers the last seconds by itself: what is to be forgotten is of the very beginning.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def forget(self) -> None:
        anything = base64.b64encode(b"/").decode()
        revision = self._call("/v3/kv/range", {"key": anything})["header"]["revision"]
        self._call("/v3/kv/compaction", {"revision": revision, "physical": True})

    def aged(self, text: str) -> str:
        if text.isdecimal():
            return BEGINNING
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        early = json.dumps(found | {"rv": int(BEGINNING)}, separators=(",", ":"))
        return base64.urlsafe_b64encode(early.encode()).decode().rstrip("=")

    def _call(self, path: str, body: dict[str, object]) -> Any:
        data = json.dumps(body).encode()
        with urllib.request.urlopen(f"{self._url}{path}", data, timeout=PATIENCE) as response:
            return json.load(response)


def _read(response: http.client.HTTPResponse) -> Answer:
    content = response.read()
    try:
        return Answer(response.status, json.loads(content))
    except ValueError:
        return Answer(response.status, content.decode())
