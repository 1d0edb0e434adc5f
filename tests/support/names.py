"""A name server of the tests' own, a client of it, and names that are resolved without any."""

import asyncio
import socket
import struct
from collections.abc import Mapping, Sequence
from ipaddress import ip_address

from aiohttp.abc import AbstractResolver, ResolveResult

A, AAAA = 1, 28
HEADER = struct.Struct("!6H")
PATIENCE = 5.0


def found(host: str, port: int, addresses: Sequence[str]) -> list[ResolveResult]:
    """What a resolver returns for a host with these addresses."""
    families = {4: socket.AF_INET, 6: socket.AF_INET6}
    return [
        ResolveResult(
            hostname=host,
            host=each,
            port=port,
            family=families[ip_address(each).version],
            proto=0,
            flags=socket.AI_NUMERICHOST,
        )
        for each in addresses
    ]


class Names(AbstractResolver):
    """Names with addresses of the test's choice; what the C library reads as an address is that address."""

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        self.names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses; raises OSError for a name that is not among them. The network is not asked."""
        known = self.names.get(host.rstrip(".").lower())
        if known is None:
            # As getaddrinfo does before it asks anybody: 0x7f.1 is an address to it.
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
            known = [str(info[4][0]) for info in infos]
        return found(host, port, known)

    async def close(self) -> None:
        """Nothing is held."""


class NameServer(asyncio.DatagramProtocol):
    """A real server of DNS on UDP that gives each question the next of its answers, and then the last again.

    What it knows no address of a type of, it answers without one.
    """

    def __init__(self, answers: Mapping[int, Sequence[str]]) -> None:
        self.answers = {kind: list(each) for kind, each in answers.items()}
        self.asked: list[int] = []
        """The type of each question that came."""
        self.address = ("127.0.0.1", 0)
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> "NameServer":
        """Listen."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=self.address)
        self.address = self._transport.get_extra_info("sockname")
        return self

    async def __aexit__(self, *error: object) -> None:
        """Close."""
        assert self._transport is not None
        self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer, with a time to live of zero."""
        assert self._transport is not None
        (number,) = struct.unpack("!H", data[:2])
        question = data[HEADER.size :]
        (kind,) = struct.unpack("!H", question[-4:-2])
        self.asked.append(kind)
        left = self.answers.get(kind, [])
        address = (left.pop(0) if len(left) > 1 else left[0]) if left else ""
        answer = b""
        if address:
            packed = ip_address(address).packed
            answer = struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(packed)) + packed
        header = HEADER.pack(number, 0x8180, 1, bool(address), 0, 0)
        self._transport.sendto(header + question + answer, addr)


class _Question(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self.answer.done():
            self.answer.set_result(data)


class Client(AbstractResolver):
    """Asks one name server for A and for AAAA at each call, and keeps nothing.

    It stands in for the C library's, which cannot be told to ask a server at another port.
    """

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses that the server gives now; raises OSError where it gives none."""
        addresses = [each for kind in (A, AAAA) for each in await self._ask(host, kind)]
        if not addresses:
            raise OSError(None, "no address")
        return found(host, port, addresses)

    async def _ask(self, host: str, kind: int) -> list[str]:
        loop = asyncio.get_running_loop()
        labels = b"".join(bytes([len(each)]) + each.encode() for each in host.rstrip(".").split("."))
        question = labels + b"\0" + struct.pack("!HH", kind, 1)
        transport, asking = await loop.create_datagram_endpoint(_Question, remote_addr=self._server)
        try:
            transport.sendto(HEADER.pack(7, 0x0100, 1, 0, 0, 0) + question)
            async with asyncio.timeout(PATIENCE):
                data = await asking.answer
        finally:
            transport.close()
        if not HEADER.unpack(data[: HEADER.size])[3]:
            return []
        size = 4 if kind == A else 16
        return [str(ip_address(data[-size:]))]

    async def close(self) -> None:
        """Nothing is held."""
