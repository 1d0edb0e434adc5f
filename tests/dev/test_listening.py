"""Servers of others that say in their log where they listen."""

import http.client
import sys
from pathlib import Path

import pytest

from dev.contract.listening import Listening
from dev.errors import DevError

SERVER = """
import http.server
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""


def test_a_server_is_reached_once_it_has_started_and_is_gone_once_it_has_stopped(tmp_path: Path):
    server = Listening("server", [sys.executable, "-c", SERVER], tmp_path)
    with server:
        port = int(server.url.rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
        connection.close()
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection("127.0.0.1", port, timeout=10).connect()


def test_a_server_that_ends_before_it_listens_is_an_error_with_its_last_word(tmp_path: Path):
    server = Listening("server", [sys.executable, "-c", "raise SystemExit('no such option')"], tmp_path)
    with pytest.raises(DevError, match=r"server does not listen .* ends with: no such option"):
        server.start()
