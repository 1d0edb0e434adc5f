"""The HTTP side of the receiver: reads requests, and answers them as well or as badly as it is told."""

import json
import os
import socket
import struct
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Protocol, cast

_BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Header names are in lower case."""
    body: bytes
    arrived: float
    """Monotonic seconds."""
    time: datetime

    @property
    def json(self) -> Any:
        """The body as JSON data."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Reaction:
    """What to do with a request in place of answering it well."""

    kind: Literal["answer", "well", "hang", "stall", "reset", "garbage"] = "answer"
    """answer with `status`; answer as if nothing were scripted; hang until the server stops, or stall so
    after the head of the answer; reset the
    connection; answer what is no HTTP."""
    status: int = 202
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    delay: float = 0.0
    """Seconds before any of this."""
    accepted: bool = False
    """The request takes effect all the same, and only its answer is lost or bad."""


class Listener(Protocol):
    """Who decides on the reactions."""

    def receive(self, request: Received) -> Reaction:
        """Keep the request, and say how to react to it."""

    def pause(self, seconds: float | None) -> None:
        """Wait so long, or until the server stops."""


class Server(ThreadingHTTPServer):
    """A thread for each connection; all are let go when it stops."""

    daemon_threads = True
    block_on_close = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], listener: Listener) -> None:
        self.listener = listener
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve the connection on a thread of its own, and remember it."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End the connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours; anything else is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def close_connections(self) -> None:
        """End every connection that is open."""
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self) -> None:
        """Receive one request and react to it."""
        listener = cast(Server, self.server).listener
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            # Whoever was sending is gone, and no vendor acts on a part of a request.
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        arrived = Received(self.command, self.path, headers, body, time.monotonic(), datetime.now(UTC))
        reaction = listener.receive(arrived)
        if reaction.delay:
            listener.pause(reaction.delay)
        self._react(reaction, listener)

    do_GET = do_PUT = do_POST

    def _react(self, reaction: Reaction, listener: Listener) -> None:
        if reaction.kind == "answer":
            self._answer(reaction)
            return
        self.close_connection = True
        if reaction.kind in ("hang", "stall"):
            if reaction.kind == "stall":
                self._head(reaction, 1)
                self.wfile.flush()
            listener.pause(None)
        elif reaction.kind == "garbage":
            self.wfile.write(b"\x00\xff this is not HTTP\r\n\r\n")
            self.wfile.flush()
        else:
            # Closed with zero seconds to linger, TCP sends a reset in place of a farewell.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())

    def _answer(self, reaction: Reaction) -> None:
        default = b"" if reaction.status in _BODILESS else b"{}"
        body = reaction.body if reaction.body is not None else default
        self._head(reaction, len(body))
        self.wfile.write(body)
        self.wfile.flush()

    def _head(self, reaction: Reaction, length: int) -> None:
        self.send_response(reaction.status)
        for name, value in reaction.headers.items():
            self.send_header(name, value)
        if reaction.status not in _BODILESS:
            self.send_header("content-length", str(length))
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing: the requests are kept."""
