"""Tells whether hosts may be reached, before anything is sent there and without sending anything."""

import asyncio

from watchbill.core.egress import literal_of
from watchbill.shell.egress import Egress, EgressDenied

MOST_ASKED = 2
"""How many names are asked for at a time: a name server that is silent must leave room for pages."""

MOST_KNOWN = 1000
"""How many answers are kept."""

PATIENCE = 1.0
"""Seconds that a name server has to answer."""


class Reachable:
    """What the egress filter says of hosts; a request is judged by itself all the same."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress
        self._asking: set[asyncio.Task[None]] = set()
        self._known: dict[str, str] = {}

    async def refusal(self, host: str) -> str | None:
        """Why the host may not be reached, empty where it may; None where nobody could tell so far."""
        policy = self._egress.policy
        if policy is None or policy.allows_host(host):
            return ""
        if literal_of(host) or len(self._asking) < MOST_ASKED:
            asked = asyncio.create_task(self._ask(host), name=f"look up {host}")
            self._asking.add(asked)
            asked.add_done_callback(self._asking.discard)
            await asyncio.wait((asked,), timeout=PATIENCE)
        return self._known.get(host)

    async def _ask(self, host: str) -> None:
        """Find out what is so; where the name has no address, what was so before stands."""
        try:
            self._egress.admit(host)
            await self._egress.resolve(host)
        except EgressDenied as denied:
            self._know(host, str(denied))
        except (OSError, UnicodeError):
            return
        else:
            self._know(host, "")

    def _know(self, host: str, refusal: str) -> None:
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[host] = refusal
