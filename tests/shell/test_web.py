"""What leaves is what was asked for, once; and how far a request got decides what its end means."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest

from dev import pki
from dev.receiver import Reaction, Receiver
from watchbill.core.outcomes import Result
from watchbill.providers.contract import Request, Response, Verdict
from watchbill.shell.web import BODY_LIMIT, Exchange, Web

SECONDS = 5.0
ASKED = cast("Any", SimpleNamespace(real_url="http://pager.example.com/credential"))
"""A request as aiohttp's errors quote it."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    made = Web()
    yield made
    await made.aclose()


async def asked(web: Web, url: str, method: Any = "POST", **headers: str) -> Response | Verdict:
    return await web.deliver(Request(method, url, headers, b"page"), SECONDS)


class Breaks(Web):
    """Every request ends with an error, once it was written or before."""

    def __init__(self, error: Exception, status: int = 0, *, written: bool) -> None:
        super().__init__()
        self._error, self._status, self._written = error, status, written

    async def carry(self, request: Request, exchange: Exchange) -> None:
        exchange.written, exchange.status = self._written, self._status
        raise self._error


RETRY, UNKNOWN, PERMANENT = Result.RETRY, Result.UNKNOWN, Result.PERMANENT
ENDS = [
    (ConnectionRefusedError(111, "refused"), False, RETRY, "ConnectFailed"),
    (aiohttp.ConnectionTimeoutError(), False, RETRY, "ConnectFailed"),
    (aiohttp.ClientHttpProxyError(ASKED, (), message="Forbidden"), False, RETRY, "ConnectFailed"),
    (aiohttp.ServerDisconnectedError(), False, RETRY, "ConnectFailed"),
    (TimeoutError(), False, RETRY, "ConnectFailed"),
    (TimeoutError(), True, UNKNOWN, "Timeout"),
    (ConnectionResetError(104, "reset"), True, UNKNOWN, "Reset"),
    (aiohttp.ClientOSError(104, "reset"), True, UNKNOWN, "Reset"),
    (aiohttp.ClientConnectionResetError("closing"), True, UNKNOWN, "Reset"),
    (aiohttp.ServerDisconnectedError(), True, UNKNOWN, "InvalidAnswer"),
    (aiohttp.ClientResponseError(ASKED, (), message="Bad line:\n  'x'"), True, UNKNOWN, "InvalidAnswer"),
    (aiohttp.InvalidUrlClientError("x"), False, PERMANENT, "Misconfigured"),
    (aiohttp.NonHttpUrlClientError("x"), False, PERMANENT, "Misconfigured"),
    (ValueError("a header is two"), True, PERMANENT, "Misconfigured"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "written", "result", "reason"), ENDS)
async def test_each_failure_has_its_result_and_reason(
    error: Exception, written: bool, result: Result, reason: str
):
    verdict = await asked(Breaks(error, written=written), "http://pager.example.com/credential")
    assert isinstance(verdict, Verdict)
    assert (verdict.result, verdict.reason) == (result, reason)
    assert "credential" not in verdict.message
    assert len(verdict.message.splitlines()) == 1


@pytest.mark.parametrize("error", [each[0] for each in ENDS])
async def test_after_a_status_line_nothing_is_a_failure(error: Exception):
    answer = await asked(Breaks(error, 503, written=True), "http://pager.example.com/")
    assert isinstance(answer, Response)
    assert (answer.status, answer.body) == (503, b"")


async def test_an_answer_comes_as_it_was_sent(web: Web, receiver: Receiver):
    told = {"content-encoding": "gzip", "Retry-After": "5"}
    receiver.script("/hook", Reaction(status=201, headers=told, body=b"as it is"))
    answer = await asked(web, f"{receiver.url}/hook")
    assert isinstance(answer, Response)
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (201, b"as it is", "5")
    assert all(name.islower() for name in answer.headers)


async def test_a_body_is_read_to_its_limit(web: Web, receiver: Receiver):
    receiver.script("/hook", Reaction(status=400, body=b"x" * (3 * BODY_LIMIT)))
    answer = await asked(web, f"{receiver.url}/hook")
    assert isinstance(answer, Response)
    assert len(answer.body) == BODY_LIMIT


async def test_what_leaves_says_who_asks_and_wants_nothing_compressed(web: Web, receiver: Receiver):
    await asked(web, f"{receiver.url}/hook", authorization="Bearer token")
    [request] = receiver.requests_to("/hook")
    assert request.headers["user-agent"].startswith("watchbill/")
    assert (request.headers["accept-encoding"], request.headers["authorization"]) == (
        "identity", "Bearer token",
    )  # fmt: skip
    assert request.body == b"page"


@pytest.mark.parametrize(
    ("written", "arrives"),
    [
        ("/a%2Fb%20c?q=%41", "/a%2Fb%20c?q=%41"),
        ("/a/../b//c?q=%zz#part", "/a/../b//c?q=%zz"),
        ("/a b/ä?q=ö", "/a%20b/%C3%A4?q=%C3%B6"),
    ],
)
async def test_a_path_is_not_written_anew_but_quoted_where_it_must_be(
    web: Web, receiver: Receiver, written: str, arrives: str
):
    await asked(web, f"{receiver.url}{written}")
    assert [each.path for each in receiver.requests] == [arrives]


async def test_a_name_and_a_password_in_the_url_are_shown_to_the_vendor(web: Web, receiver: Receiver):
    await asked(web, receiver.url.replace("http://", "http://ana:p%40ss@") + "/hook")
    [request] = receiver.requests
    assert (request.path, request.headers["authorization"]) == ("/hook", "Basic YW5hOnBAc3M=")


async def test_a_cookie_is_not_carried_to_the_next_page(web: Web, receiver: Receiver):
    receiver.script("/hook", Reaction(headers={"set-cookie": "one=1"}), times=1)
    for _ in range(2):
        await asked(web, f"{receiver.url}/hook")
    assert ["cookie" in each.headers for each in receiver.requests_to("/hook")] == [False, False]


async def test_a_proxy_of_the_environment_is_used_where_it_is_not_excepted(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("http_proxy", receiver.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    web = Web()
    try:
        for url in ("http://pager.invalid/hook", f"{receiver.url}/direct"):
            answer = await asked(web, url)
            assert isinstance(answer, Response)
            assert answer.status == 202
    finally:
        await web.aclose()
    assert [each.path for each in receiver.requests] == ["http://pager.invalid/hook", "/direct"]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://pager.example.com/",
        "http:///hook",
        "no URL at all",
        "http://pager.example.com/\x01",
        "http://pager.example.com/\r\nhost: elsewhere",
        "http://pager.example.com:99999/",
        "http://[::1/hook",
        "http://xn--/hook",
    ],
)
async def test_a_url_that_is_none_is_permanent(web: Web, url: str):
    verdict = await asked(web, url)
    assert isinstance(verdict, Verdict)
    assert (verdict.result, verdict.reason) == (Result.PERMANENT, "Misconfigured")


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\x00", "tökën", "\ud800"])
async def test_a_header_that_is_none_never_leaves(web: Web, receiver: Receiver, value: str):
    verdict = await asked(web, f"{receiver.url}/hook", x=value)
    assert isinstance(verdict, Verdict)
    assert (verdict.result, verdict.reason) == (Result.PERMANENT, "Misconfigured")
    assert receiver.requests == []


class Server:
    """Takes connections, and hangs up on each after so many answers, when it has read one request more."""

    def __init__(self, answers: int) -> None:
        self.answers = answers
        self.connections = 0
        self.requests: list[bytes] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        for number in range(self.answers + 1):
            head = await reader.readuntil(b"\r\n\r\n")
            self.requests.append(head + await reader.readexactly(len(b"page")))
            if number < self.answers:
                writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
        writer.close()


@asynccontextmanager
async def serving(answers: int) -> AsyncIterator[Server]:
    server = Server(answers)
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/hook"
        yield server


@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
@pytest.mark.parametrize("answers", [0, 1], ids=["new", "kept"])
async def test_a_connection_that_ends_once_it_was_written_to_is_not_tried_again(
    web: Web, method: str, answers: int
):
    async with serving(answers) as server:
        ends = [await asked(web, server.url, method) for _ in range(answers + 1)]
    assert isinstance(ends[-1], Verdict)
    assert (ends[-1].result, ends[-1].reason) == (Result.UNKNOWN, "InvalidAnswer")
    assert (server.connections, len(server.requests)) == (1, answers + 1)


async def test_a_connection_that_ended_while_nobody_used_it_is_not_used(web: Web):
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\npage")
        writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(once, "127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/hook"
        for _ in range(2):
            answer = await asked(web, url)
            assert isinstance(answer, Response)
            await asyncio.sleep(0.05)


async def test_whom_nobody_vouches_for_gets_no_page(web: Web, tmp_path: Path):
    own = pki.issue_server(pki.create_authority(tmp_path), tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own.certificate, own.key)
    got: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.read())

    async with await asyncio.start_server(take, "127.0.0.1", 0, ssl=context) as listening:
        verdict = await asked(web, f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}/hook")
    assert isinstance(verdict, Verdict)
    assert (verdict.result, verdict.reason) == (Result.RETRY, "ConnectFailed")
    assert "certificate verify failed" in verdict.message.lower().replace("_", " ")
    assert got == []
