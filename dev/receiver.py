"""A local HTTP server that plays every vendor: PagerDuty at /v2/enqueue, Slack's methods below /slack/api,
a webhook at any other path.

It keeps every request with its arrival time, and does on demand what vendors do on bad days.
`python -m dev.receiver --port 8099` prints what arrives.
"""

import argparse
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import replace
from types import TracebackType
from typing import Self, TypeVar

from dev.fake_pagerduty import Alert, FakePagerDuty
from dev.fake_slack import FakeSlack
from dev.receiver_http import Reaction, Received, Server

__all__ = ["Alert", "Reaction", "Received", "Receiver"]

PAGERDUTY_PATH = "/v2/enqueue"
SLACK_PATH = "/slack"
"""What a Slack connection's base URL has after the origin."""
Found = TypeVar("Found")


class Receiver:
    """The server, on a thread of its own; requests and alerts may be read from any thread."""

    def __init__(
        self,
        port: int = 0,
        routing_keys: Collection[str] | None = None,
        slack: FakeSlack | None = None,
        address: str = "127.0.0.1",
    ) -> None:
        self._address = address
        self._port = port
        self._pagerduty = FakePagerDuty(routing_keys)
        self.slack = slack or FakeSlack()
        """Slack's channels, and what was said in them."""
        self._changed = threading.Condition()
        self._requests: list[Received] = []
        self._reactions: dict[str, list[tuple[Reaction, int | None]]] = defaultdict(list)
        self._stopping = threading.Event()
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self.on_request: Callable[[Received], None] | None = None
        """Called with each request, on the thread that serves it."""

    def start(self) -> str:
        """Start to listen, and return the origin, such as http://127.0.0.1:8099."""
        self._server = Server((self._address, self._port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return f"http://{self._address}:{self._server.server_address[1]}"

    def stop(self) -> None:
        """Stop listening, and let go of every connection and whoever hangs."""
        if self._server is None or self._thread is None:
            return
        self._stopping.set()
        self._server.shutdown()
        self._server.close_connections()
        self._server.server_close()
        self._thread.join()
        self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The origin of the running server."""
        if self._server is None:
            raise RuntimeError("the receiver is not running: call start()")
        return f"http://{self._address}:{self._server.server_address[1]}"

    @property
    def requests(self) -> list[Received]:
        """Every request so far, in the order of arrival."""
        with self._changed:
            return list(self._requests)

    def requests_to(self, path: str) -> list[Received]:
        """The requests so far to this path, its query apart."""
        return [request for request in self.requests if request.path.partition("?")[0] == path]

    @property
    def alerts(self) -> list[Alert]:
        """PagerDuty's alerts, the newest last."""
        with self._changed:
            return list(self._pagerduty.alerts)

    def alert(self, dedup_key: str) -> Alert | None:
        """PagerDuty's newest alert under the key."""
        with self._changed:
            return self._pagerduty.alert(dedup_key)

    def script(self, path: str, reaction: Reaction, times: int | None = None) -> None:
        """React so to the next `times` requests to the path, or to all; after what was scripted before."""
        with self._changed:
            self._reactions[path].append((reaction, times))

    def heal(self, path: str) -> None:
        """Forget what was scripted for the path."""
        with self._changed:
            self._reactions.pop(path, None)

    def wait_for(self, predicate: Callable[[Self], Found | None], timeout: float = 10.0) -> Found:
        """The first true value of the predicate, asked again at each request; else TimeoutError."""
        end = time.monotonic() + timeout
        with self._changed:
            while not (found := predicate(self)):
                if not self._changed.wait(max(0.0, end - time.monotonic())) and time.monotonic() >= end:
                    arrived = [f"{request.method} {request.path}" for request in self._requests]
                    raise TimeoutError(f"not within {timeout:g} s; arrived: {arrived}")
        return found

    def receive(self, request: Received) -> Reaction:
        """Keep the request, and say how to react to it."""
        path = request.path.partition("?")[0]
        with self._changed:
            reaction = self._next_reaction(path) or Reaction("well")
            if reaction.accepted or reaction.kind == "well":
                good = self._good(path, request)
                reaction = replace(good, delay=reaction.delay) if reaction.kind == "well" else reaction
            self._requests.append(request)
            self._changed.notify_all()
        if self.on_request is not None:
            self.on_request(request)
        return reaction

    def pause(self, seconds: float | None) -> None:
        """Wait so long, or until the server stops."""
        self._stopping.wait(seconds)

    def _good(self, path: str, request: Received) -> Reaction:
        status, answer = 202, {"status": "accepted"}
        if path == PAGERDUTY_PATH:
            status, answer = self._pagerduty.enqueue(request.body)
        elif path.startswith(f"{SLACK_PATH}/api/"):
            status, answer = 200, self.slack.answer(request)
        return Reaction(
            status=status, headers={"content-type": "application/json"}, body=json.dumps(answer).encode()
        )

    def _next_reaction(self, path: str) -> Reaction | None:
        queue = self._reactions.get(path)
        if not queue:
            return None
        reaction, times = queue[0]
        if times is not None:
            queue[:1] = [(reaction, times - 1)] if times > 1 else []
        return reaction


def main() -> None:
    """Serve until interrupted, and print each request on a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8099)
    receiver = Receiver(parser.parse_args().port)
    receiver.on_request = lambda request: print(
        f"{request.time:%H:%M:%S} {request.method} {request.path} {request.body.decode(errors='replace')}",
        flush=True,
    )
    print(f"listening at {receiver.start()}", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        receiver.stop()


if __name__ == "__main__":
    main()
