"""What carries requests says in httpx's words how far each got, and what leaves is what was asked for."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from dev.receiver import Reaction, Receiver
from watchbill.shell.wire import WRITING, Wire


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    made = Wire()
    yield made
    await made.aclose()


async def asked(wire: Wire, url: str, **details: Any) -> tuple[int, bytes]:
    answer = await wire.handle_async_request(httpx.Request("POST", url, content=b"page", **details))
    body = b"".join([piece async for piece in answer.aiter_raw()])
    await answer.aclose()
    return answer.status_code, body


async def test_an_answer_comes_as_it_was_sent(wire: Wire, receiver: Receiver):
    receiver.script("/hook", Reaction(status=201, headers={"content-encoding": "gzip"}, body=b"as it is"))
    assert await asked(wire, f"{receiver.url}/hook") == (201, b"as it is")


async def test_a_path_that_is_written_oddly_is_not_written_anew(wire: Wire, receiver: Receiver):
    await asked(wire, f"{receiver.url}/a%2Fb%20c?q=%41")
    assert [each.path for each in receiver.requests] == ["/a%2Fb%20c?q=%41"]


async def test_it_is_told_once_of_each_request_that_it_is_about_to_be_written(wire: Wire, receiver: Receiver):
    told: list[str] = []

    async def trace(event: str, details: object) -> None:
        told.append(event)

    for _ in range(2):
        await asked(wire, f"{receiver.url}/hook", extensions={"trace": trace})
    assert told == [WRITING, WRITING]


async def test_a_cookie_is_not_carried_to_the_next_page(wire: Wire, receiver: Receiver):
    receiver.script("/hook", Reaction(headers={"set-cookie": "one=1"}), times=1)
    for _ in range(2):
        await asked(wire, f"{receiver.url}/hook")
    assert ["cookie" in each.headers for each in receiver.requests_to("/hook")] == [False, False]


async def test_a_proxy_of_the_environment_is_used_where_it_is_not_excepted(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("http_proxy", receiver.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    wire = Wire()
    try:
        assert (await asked(wire, "http://pager.invalid/hook"))[0] == 202
        assert (await asked(wire, f"{receiver.url}/direct"))[0] == 202
    finally:
        await wire.aclose()
    assert [each.path for each in receiver.requests] == ["http://pager.invalid/hook", "/direct"]


@pytest.mark.parametrize(
    ("url", "headers", "error"),
    [
        ("ftp://pager.example.com/", {}, httpx.UnsupportedProtocol),
        ("http:///hook", {}, httpx.UnsupportedProtocol),
        ("http://127.0.0.1:1/", {}, httpx.ConnectError),
    ],
)
async def test_what_cannot_leave_says_so(
    wire: Wire, url: str, headers: dict[str, str], error: type[Exception]
):
    with pytest.raises(error):
        await asked(wire, url, headers=headers)


async def test_a_header_that_would_be_two_never_leaves(wire: Wire, receiver: Receiver):
    with pytest.raises(httpx.LocalProtocolError):
        await asked(wire, f"{receiver.url}/hook", headers={"x": "a\r\nb: c"})
    assert receiver.requests == []
