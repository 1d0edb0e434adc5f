"""Has kopf's lists find nothing, and tell from where on it watches.

What they would find is listed by `sync` anyway, and 10,000 incidents would keep kopf busy for seconds.
"""

from collections.abc import Callable

import aiohttp

from watchbill.api.group import GROUP, VERSION
from watchbill.api.kinds import KINDS

NOBODYS = f"{GROUP}/listed=by-nobody"
"""A label selector that fits no object."""


def unlisted(on_list: Callable[[str], None]) -> aiohttp.ClientMiddlewareType:
    """A middleware that has lists of our kinds find nothing, and calls `on_list` with the plural of each."""
    plurals = {f"/apis/{GROUP}/{VERSION}/{kind.plural}": kind.plural for kind in KINDS}

    async def ask(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        plural = plurals.get(request.url.path)
        if request.method != "GET" or plural is None or "watch" in request.url.query:
            return await handler(request)
        request.url = request.url.update_query(labelSelector=NOBODYS)
        answer = await handler(request)
        if answer.ok:
            on_list(plural)
        return answer

    return ask
