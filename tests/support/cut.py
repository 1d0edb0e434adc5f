"""A wire between the operator and a server that a test can cut and mend, or have hold back a request."""

import socket
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import yaml


class Wire:
    """Carries every connection to a server until it is cut; then none, until it is mended."""

    def __init__(self, url: str) -> None:
        """A wire to the server at this URL, not connected yet."""
        parts = urlsplit(url)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 443)
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._cut = False
        self._holds_next = False
        self._arrived = threading.Event()
        self._released = threading.Event()

    @property
    def port(self) -> int:
        """The port of its near end."""
        port: int = self._server.getsockname()[1]
        return port

    def kubeconfig(self, original: Path, copy: Path) -> Path:
        """A copy of a kubeconfig that leads through the wire."""
        body = yaml.safe_load(original.read_text())
        for cluster in body["clusters"]:
            cluster["cluster"]["server"] = f"https://127.0.0.1:{self.port}"
        copy.write_text(yaml.safe_dump(body))
        return copy

    def cut(self) -> None:
        """Break all connections; new ones are closed at once."""
        with self._lock:
            self._cut = True
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Carry connections again."""
        with self._lock:
            self._cut = False

    def hold(self) -> None:
        """Keep back what is sent on the next connection, and on no other, until `release`."""
        self._holds_next = True

    def wait_until_held(self, within: float = 10.0) -> None:
        """Return once something is kept back; raises TimeoutError where nothing comes in time."""
        if not self._arrived.wait(within):
            raise TimeoutError(f"nothing was sent within {within:g} s")

    def release(self) -> None:
        """Pass on what was kept back."""
        self._released.set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.release()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            begin = self._keep_back if self._holds_next else self._join
            self._holds_next = False
            threading.Thread(target=begin, args=(near,), daemon=True).start()

    def _keep_back(self, near: socket.socket) -> None:
        with suppress(OSError):
            # A client may send the head of a request apart from its body, which is JSON here.
            while (sent := near.recv(65536, socket.MSG_PEEK)) and not sent.endswith(b"}"):
                pass
            self._arrived.set()
            self._released.wait()
        self._join(near)

    def _join(self, near: socket.socket) -> None:
        with self._lock:
            far = None if self._cut else self._far_end()
            if far is None:
                near.close()
                return
            self._open |= {near, far}
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _far_end(self) -> socket.socket | None:
        """A connection to the server, or None where nobody listens there."""
        with suppress(OSError):
            return socket.create_connection(self._target)
        return None

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with self._lock:
            self._open -= {source, sink}
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
