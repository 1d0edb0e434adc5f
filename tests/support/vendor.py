"""A vendor in this process in place of the wire: what it is asked, and what it answers."""

import json as json_text
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from watchbill.providers.contract import Request, Response
from watchbill.shell.web import Exchange, Web


class Played(Web):
    """Has a vendor of this process take each request, in place of whoever is at its URL.

    The vendor answers, or raises what the wire would; ConnectionRefusedError says that nothing was written.
    """

    def __init__(self, vendor: Callable[[Request], Awaitable[Response]]) -> None:
        super().__init__()
        self._vendor = vendor

    async def carry(self, request: Request, exchange: Exchange) -> None:
        exchange.written = True
        try:
            answer = await self._vendor(request)
        except ConnectionRefusedError:
            exchange.written = False
            raise
        exchange.status, exchange.headers = answer.status, answer.headers
        exchange.body += answer.body


def response(
    status: int, *, json: Any = None, content: bytes = b"", headers: Mapping[str, str] | None = None
) -> Response:
    """An answer, its body as it is or in JSON."""
    told = {name.lower(): value for name, value in (headers or {}).items()}
    if json is None:
        return Response(status, told, content)
    return Response(status, {"content-type": "application/json"} | told, json_text.dumps(json).encode())


def host_of(request: Request) -> str:
    """The first word of the host that is asked."""
    return (urlsplit(request.url).hostname or "").partition(".")[0]


def asked_path(request: Request) -> str:
    """The path that is asked for, without its query."""
    return urlsplit(request.url).path
