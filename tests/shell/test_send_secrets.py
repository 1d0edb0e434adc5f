"""No secret comes out of the sender, whatever the vendor says."""

from collections.abc import Callable

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.providers.pages import POSTING, settings_for, trigger
from tests.shell.sending import (
    Vendor,
    always,
)
from tests.support.vendor import response
from watchbill.providers.contract import Request, Response
from watchbill.providers.registry import PROVIDERS


@pytest.mark.parametrize("name", POSTING)
@pytest.mark.parametrize("status", [200, 202, 302, 400, 401, 409, 429, 503])
async def test_a_vendor_that_repeats_our_secrets_makes_none_of_them_public(
    name: str, status: int, caplog: pytest.LogCaptureFixture
):
    def echo(request: Request) -> Response:
        text = f"{request.url} {request.headers} {request.body.decode()}"
        return response(status, json={"message": text, "errors": [text], "dedup_key": text})

    await assert_nothing_leaks(name, echo, caplog)


@pytest.mark.parametrize("name", POSTING)
@pytest.mark.parametrize(
    "error", [ConnectionRefusedError, TimeoutError, ConnectionResetError, aiohttp.ServerDisconnectedError]
)
async def test_an_error_that_quotes_the_request_makes_no_secret_public(
    name: str, error: type[Exception], caplog: pytest.LogCaptureFixture
):
    def quote(request: Request) -> Response:
        raise error(f"{request.url} {request.headers} {request.body!r}")

    await assert_nothing_leaks(name, quote, caplog)


async def assert_nothing_leaks(
    name: str, answer: Callable[[Request], Response], caplog: pytest.LogCaptureFixture
) -> None:
    vendor = Vendor(answer)
    settings = settings_for(name)
    caplog.set_level(0)
    with capture_logs() as logs:
        verdict = await vendor.sender.attempt(
            PROVIDERS[name], trigger(), settings, rank=1, still_wanted=always
        )
    assert len(vendor.seen) == 1
    shown = f"{verdict!r} {logs!r} {caplog.text}"
    forms = {secret for secret in settings.secrets.values()}
    forms |= {form for url in forms if "//" in url for form in (url.partition("//")[2].partition("/")[2],)}
    assert not [form for form in forms if form in shown]
