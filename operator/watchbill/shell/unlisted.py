"""Has kopf's lists find nothing, and tell from where on it watches.

What they would find is listed by `sync` anyway, and 10,000 incidents would keep kopf busy for seconds.
"""

from collections.abc import Callable, Collection

import aiohttp

from watchbill.api.group import GROUP

NOBODYS = f"{GROUP}/listed=by-nobody"
"""A label selector that fits no object."""


def unlisted(paths: Collection[str], on_list: Callable[[str], None]) -> aiohttp.ClientMiddlewareType:
    """A middleware that has lists at these paths find nothing, and calls `on_list` with the path of each."""

    async def ask(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        path = request.url.path
        if request.method != "GET" or path not in paths or "watch" in request.url.query:
            return await handler(request)
        request.url = request.url.update_query(labelSelector=NOBODYS)
        answer = await handler(request)
        if answer.ok:
            on_list(path)
        return answer

    return ask
