"""What lies between processes and all else: every request crosses it, and a plan's faults wait here.

What is on its way is no process's any more: it arrives, whatever becomes of whoever sent it.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from tests.faults.crossings import Counted, Crossing
from tests.faults.vendors import Vendors, action_of, vendor_name
from tests.faults.virtual_time import Process, world_around
from tests.support.apiserver.answers import Answer
from tests.support.apiserver.reading import Request
from tests.support.apiserver.requests import ApiServer, NoAnswer
from tests.support.apiserver.watching import Stream
from watchbill.providers import contract

LATENCY = 0.004
"""Seconds that a request or an answer is on its way."""

HELD = 0.25
"""Seconds between two looks whether a request that is held may leave."""

Told = TypeVar("Told")
Take = Callable[[], Awaitable[Told]]
"""Has a request take effect, and returns the answer."""


class Lost(Exception):
    """No answer will come, and the connection stays as it is."""


@dataclass
class Fault(Generic[Told]):
    """What happens at one crossing. Each part may be left out."""

    before: Callable[[Crossing], None] = lambda crossing: None
    """Just before it leaves."""
    holds: Callable[[], bool] = lambda: False
    """Whether it is still kept from leaving."""
    delay: float = 0.0
    """Seconds by which it takes effect late."""
    taken: bool = True
    """Whether it takes effect."""
    after: Callable[[Crossing], None] = lambda crossing: None
    """When it has taken effect, and the answer has not left."""
    answer: Callable[[Told | None], Told] | None = None
    """What comes back in place of the answer; it may raise what the caller would see, or Lost."""
    later: Callable[[Crossing], None] | None = None
    """When the answer has come."""


NO_FAULT: Fault[Any] = Fault()


@dataclass(frozen=True, slots=True)
class Happening:
    """A fault that happened."""

    time: float
    crossing: Crossing
    fault: str


@dataclass
class Network:
    """Carries requests from processes to the API server and to vendors, for one run."""

    server: ApiServer
    vendors: Vendors
    counted: Counted = field(default_factory=Counted)
    upcoming: dict[str, str] = field(default_factory=dict)
    """The names of faults, by the number or the place of the crossing at which each happens."""
    make: Callable[[Crossing, str], Fault[Any] | None] = lambda crossing, name: None
    """Makes a fault of its name."""
    cut_off: Callable[[Process], bool] = lambda process: False
    """Whether a process cannot reach the API server now."""
    refuses: Callable[[Request], Answer | None] = lambda request: None
    """What the API server answers to a request while it is not well."""
    happened: list[Happening] = field(default_factory=list)
    """The faults that have happened."""
    requests: int = 0
    latency: float = LATENCY
    """Seconds that a request or an answer is on its way, besides what it takes by itself."""
    reading: float = 0.0
    """Seconds that a process gets to read an answer before it counts as come."""
    _around: contextvars.Context = field(default_factory=world_around)
    """What is on its way is no process's."""
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    def around(self, process: Process) -> "Surface":
        """The network as one process sees it."""
        return Surface(self, process)

    async def carry(
        self, crossing: Crossing | None, process: Process, take: Take[Told], to_server: bool
    ) -> Told:
        """The answer to a request; raises NoAnswer where the process is cut off, or what a fault says."""
        self.requests += 1
        trip = Trip(crossing or Crossing(-1, "read", "", process.name), process, take, to_server)
        leave, fault = self._leave, self._fault(crossing)
        asyncio.get_running_loop().call_soon(leave, trip, fault, context=self._around)
        return await trip.done

    def _leave(self, trip: "Trip[Any]", fault: Fault[Any]) -> None:
        """It sets out, unless its process is dead by then."""
        fault.before(trip.crossing)
        if not trip.process.killed:
            self._go(trip, fault)

    def _go(self, trip: "Trip[Any]", fault: Fault[Any]) -> None:
        loop = asyncio.get_running_loop()
        if fault.holds():
            loop.call_later(HELD, self._go, trip, fault)
        else:
            loop.call_later(self.latency + fault.delay, self._arrive, trip, fault)

    def _arrive(self, trip: "Trip[Any]", fault: Fault[Any]) -> None:
        task = asyncio.get_running_loop().create_task(self._take(trip, fault))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _take(self, trip: "Trip[Any]", fault: Fault[Any]) -> None:
        """It takes effect, and the answer sets out."""
        answer, error = None, None
        try:
            answer = await self._answer(trip, fault)
        except Lost:
            return
        except (NoAnswer, ConnectionError) as raised:
            error = raised
        asyncio.get_running_loop().call_later(self.latency, self._come, trip, fault, answer, error)

    def _come(self, trip: "Trip[Any]", fault: Fault[Any], answer: Any, error: Exception | None) -> None:
        """The answer is there, or what the caller sees in its place."""
        if not trip.done.done():
            if error is None:
                trip.done.set_result(answer)
            else:
                trip.done.set_exception(error)
        if fault.later is not None:
            asyncio.get_running_loop().call_later(self.reading, fault.later, trip.crossing)

    async def _answer(self, trip: "Trip[Told]", fault: Fault[Told]) -> Told:
        """What comes back, once the request has taken effect where it does."""
        if trip.to_server and self.cut_off(trip.process):
            raise NoAnswer
        answer = await trip.take() if fault.taken else None
        fault.after(trip.crossing)
        if fault.answer is not None:
            return fault.answer(answer)
        assert answer is not None
        return answer

    def _fault(self, crossing: Crossing | None) -> Fault[Any]:
        name = self.fault_at(crossing) if crossing is not None else ""
        found = self.make(crossing, name) if crossing is not None and name else None
        if crossing is None or found is None:
            return NO_FAULT
        self.note(crossing, name)
        return found

    def fault_at(self, crossing: Crossing) -> str:
        """The name of the fault that waits for a crossing, and from now on for no other; empty for none."""
        return self.upcoming.pop(str(crossing.number), "") or self.upcoming.pop(crossing.place, "")

    def note(self, crossing: Crossing, fault: str) -> None:
        """Take note that a fault happens."""
        self.happened.append(Happening(asyncio.get_running_loop().time(), crossing, fault))


@dataclass
class Trip(Generic[Told]):
    """A request on its way, and its answer."""

    crossing: Crossing
    process: Process
    take: Take[Told]
    to_server: bool
    """Whether it is for the API server, and not for a vendor."""
    done: "asyncio.Future[Told]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass
class Surface:
    """What one process sees of the network: a handler for its API requests, a transport for its effects."""

    network: Network
    process: Process

    async def handle(self, request: Request) -> Answer | Stream:
        """The API server's answer; raises NoAnswer."""
        network = self.network
        if request.query.get("watch"):
            return await self._watch(request)

        async def take() -> Answer:
            found = network.refuses(request) or await network.server.handle(request)
            assert isinstance(found, Answer)
            return found

        crossing = network.counted.of_request(self.process, request)
        return await network.carry(crossing, self.process, take, to_server=True)

    async def _watch(self, request: Request) -> Answer | Stream:
        if self.network.cut_off(self.process):
            raise NoAnswer
        return await self.network.server.handle(request)

    async def send(self, request: contract.Request) -> contract.Response:
        """A vendor's answer; raises what the wire would."""
        network, vendor = self.network, vendor_name(request)
        crossing = network.counted.of_effect(self.process.name, vendor, action_of(request))
        begun = asyncio.get_running_loop().time()
        if seconds := network.vendors.slow.get(vendor):
            return await self._slowly(crossing, request, begun, seconds)
        return await self._carried(crossing, request, begun)

    async def _carried(
        self, crossing: Crossing, request: contract.Request, begun: float
    ) -> contract.Response:
        async def take() -> contract.Response:
            return self.network.vendors.take(request, begun, self.process.name)

        return await self.network.carry(crossing, self.process, take, to_server=False)

    async def _slowly(
        self, crossing: Crossing, request: contract.Request, begun: float, seconds: float
    ) -> contract.Response:
        answer = await self._carried(crossing, request, begun)
        await asyncio.sleep(seconds)
        return answer
