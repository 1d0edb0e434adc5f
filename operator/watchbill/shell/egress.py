"""Resolves the hosts that tenants name, and lets nobody connect to an address that is denied.

A name is resolved once, every address is checked, and what was checked is what is connected to: an answer of
the DNS that changes in between changes nothing.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import ExitStack

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from watchbill.core.egress import EgressPolicy, literal_of
from watchbill.core.outcomes import Result
from watchbill.providers.contract import Verdict
from watchbill.shell.lane import EGRESS_DENIED


class EgressDenied(Exception):
    """A host that may not be reached; the message is safe to show, and nothing was sent."""

    @property
    def verdict(self) -> Verdict:
        """What becomes of what was to be sent: another try would end the same."""
        return Verdict(Result.PERMANENT, reason=EGRESS_DENIED, message=str(self))


class Egress(AbstractResolver):
    """A resolver that raises EgressDenied for a host that may not be reached; without a policy, all may."""

    def __init__(
        self,
        policy: EgressPolicy | None = None,
        lookup: Callable[[], AbstractResolver] = ThreadedResolver,
    ) -> None:
        self.policy = policy
        self._lookup = lookup

    def admit(self, host: str) -> None:
        """Raise EgressDenied for an address, in the place of a name, that may not be reached.

        For nobody is asked for the address of such a host. Others are judged when they are resolved.
        """
        if literal := literal_of(host):
            self._check(host, [literal])

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host, which may all be reached; raises OSError where there is none."""
        found = await self._lookup().resolve(host, port, family)
        if not found:
            raise OSError(None, "the name has no address")
        self._check(host, [each["host"] for each in found])
        return found

    async def connect(self, host: str, port: int) -> socket.socket:
        """A socket that is connected to the host; raises EgressDenied, or the OSError of the last address."""
        loop, failure = asyncio.get_running_loop(), OSError()
        for each in await self.resolve(host, port):
            with ExitStack() as undone:
                made = socket.socket(socket.AddressFamily(each["family"]), socket.SOCK_STREAM)
                undone.callback(made.close)
                made.setblocking(False)
                try:
                    await loop.sock_connect(made, (each["host"], each["port"]))
                except OSError as error:
                    failure = error
                    continue
                undone.pop_all()
                return made
        raise failure

    async def close(self) -> None:
        """Nothing is held."""

    def _check(self, host: str, addresses: list[str]) -> None:
        if self.policy is not None and (refusal := self.policy.refusal(host, addresses)):
            raise EgressDenied(refusal)
