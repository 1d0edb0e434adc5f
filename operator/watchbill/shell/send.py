"""The one sender: everything that leaves for a vendor goes through here, each in its turn.

It never tries twice: the core decides whether and when a send is repeated.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from http import HTTPStatus

import structlog
from prometheus_client import Histogram

from watchbill.core.effects import (
    ChannelEffect,
    ConnectionKey,
    PageEffect,
    connection_of,
)
from watchbill.core.outcomes import Result
from watchbill.core.texts import cut, neutral
from watchbill.providers.chats import CHATS
from watchbill.providers.contract import (
    ChatProvider,
    LogLine,
    Mail,
    Misconfigured,
    Provider,
    Reply,
    Request,
    Response,
    Settings,
    Verdict,
)
from watchbill.providers.registry import PROVIDERS
from watchbill.providers.retryable import MESSAGE_LIMIT
from watchbill.shell.clock import Clock
from watchbill.shell.lane import MISCONFIGURED, Lane
from watchbill.shell.mail import Mailer
from watchbill.shell.metrics import Metrics
from watchbill.shell.rate import CallLater, call_later
from watchbill.shell.redact import redacted
from watchbill.shell.web import Web

DEADLINE = 10.0
"""Seconds for one send, with the time that it waits for its turn."""

StillWanted = Callable[[], bool]
"""Asked when the turn of a send has come."""

_log = structlog.get_logger("watchbill.pages")


@dataclass(frozen=True, slots=True)
class _Turn:
    """What a request waits for before it leaves."""

    lane: Lane
    rank: int
    due: datetime
    deadline: float
    still_wanted: StillWanted


class Sender:
    """Sends effects through providers; one for the process, used from one loop."""

    def __init__(
        self,
        clock: Clock,
        *,
        deadline: float = DEADLINE,
        later: CallLater = call_later,
        web: Web | None = None,
        mailer: Mailer | None = None,
        own_web: Web | None = None,
    ) -> None:
        self._clock = clock
        self._mailer = mailer or Mailer()
        self._deadline = deadline
        self._later = later
        self._lanes: dict[tuple[ConnectionKey, str], Lane] = {}
        self._web = web or Web()
        self._own_web = own_web or self._web
        self._waits: dict[str, Histogram] = {}

    def measure(self, metrics: Metrics) -> None:
        """Show which vendors are left alone, and how long sends wait for their turn."""
        for name in (*PROVIDERS, *CHATS):
            metrics.circuit_open.labels(name).set_function(partial(self.is_open, name))
            self._waits[name] = metrics.send_wait.labels(name)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._web.aclose()
        await self._own_web.aclose()

    async def attempt(
        self,
        provider: Provider,
        effect: PageEffect,
        settings: Settings,
        *,
        rank: int,
        still_wanted: StillWanted,
    ) -> Verdict | None:
        """What became of one send within 10 s; None where it was no longer wanted and nothing was sent."""
        deadline = self._clock.monotonic() + self._deadline
        try:
            request = provider.build(effect, settings, self._clock.now())
        except Misconfigured as error:
            return _misconfigured(redacted(str(error), settings.secrets.values()))
        if isinstance(request, LogLine):
            return _written_down(request, effect) if still_wanted() else None
        lane = self._lane(connection_of(effect), provider)
        turn = _Turn(lane, rank, effect.page.due_time, deadline, still_wanted)
        reply = await self._in_turn(provider, request, turn)
        return None if reply is None else reply.verdict

    async def converse(
        self,
        chat: ChatProvider,
        effect: ChannelEffect,
        settings: Settings,
        *,
        rank: int,
        still_wanted: StillWanted,
    ) -> Verdict | None:
        """What became of an exchange within 10 s; None where it was no longer wanted and nothing was sent."""
        now = self._clock.now()
        try:
            talk = chat.talk(effect, settings, now)
        except Misconfigured as error:
            return _misconfigured(redacted(str(error), settings.secrets.values()))
        deadline = self._clock.monotonic() + self._deadline
        turn = _Turn(self._lane(connection_of(effect), chat), rank, now, deadline, still_wanted)
        request, begun = next(talk), False
        while True:
            reply = await self._in_turn(chat, request, turn)
            if reply is None:
                talk.close()
                return _unknown("Interrupted", "this process leads no more") if begun else None
            begun = True
            try:
                request = talk.send(reply)
            except StopIteration as end:
                return _shown(end.value, request.secrets)

    async def ping(self, request: Request, seconds: float) -> Response | Verdict:
        """What was answered to a request of the operator's own, which waits for nobody's turn."""
        return await self._own_web.deliver(request, seconds)

    async def _in_turn(
        self, provider: Provider | ChatProvider, request: Request | Mail, turn: "_Turn"
    ) -> Reply | None:
        """What came of one request once its turn had come; None where it was no longer wanted."""
        lane, asked = turn.lane, self._clock.monotonic()
        refusal = await lane.enter(turn.rank, turn.due, turn.deadline)
        if wait := self._waits.get(provider.name):
            wait.observe(self._clock.monotonic() - asked)
        if refusal:
            return Reply(refusal)
        reply, sent = None, False
        try:
            if turn.still_wanted():
                refusal = lane.begin()
                sent = refusal is None
                reply = Reply(refusal) if refusal else await self._send(provider, request, turn)
        finally:
            lane.leave(used=sent)
        return reply

    def forget(self, connection: ConnectionKey) -> None:
        """Forget how fast a connection that is gone may send, and how it failed."""
        self._lanes = {key: lane for key, lane in self._lanes.items() if key[0] != connection}

    def is_open(self, provider: str) -> bool:
        """Whether a connection of this provider is not tried now because it keeps failing."""
        return any(key[1] == provider and lane.is_open for key, lane in self._lanes.items())

    def _lane(self, connection: ConnectionKey, provider: Provider | ChatProvider) -> Lane:
        key = (connection, provider.name)
        if key not in self._lanes:
            self._lanes[key] = Lane(provider.rate, self._clock, self._later)
        return self._lanes[key]

    async def _send(self, provider: Provider | ChatProvider, request: Request | Mail, turn: "_Turn") -> Reply:
        verdict, well, response = None, False, None
        try:
            answer = await self._answer(request, turn.deadline)
            if isinstance(answer, Response):
                response = answer
                verdict, well = provider.parse(answer, self._clock.now()), _is_well(request, answer)
            else:
                verdict = answer
        finally:
            turn.lane.learn(verdict, well=well)
        return Reply(_shown(verdict, request.secrets), response)

    async def _answer(self, request: Request | Mail, deadline: float) -> Response | Verdict:
        """What the vendor answered; a verdict where nothing did."""
        seconds = deadline - self._clock.monotonic()
        if isinstance(request, Mail):
            return await self._mailer.deliver(request, seconds)
        return await self._web.deliver(request, seconds)


def _written_down(line: LogLine, effect: PageEffect) -> Verdict:
    _log.info(line.text, action=effect.action, incident=effect.incident.name)
    return Verdict(Result.OK)


def _is_well(request: Request | Mail, answer: Response) -> bool:
    """Whether the vendor works, whatever it says of this page; a 5xx of SMTP is about the mail alone."""
    if isinstance(request, Mail):
        return answer.status not in range(400, 500)
    return 0 < answer.status < HTTPStatus.INTERNAL_SERVER_ERROR


def _shown(verdict: Verdict, secrets: Collection[str]) -> Verdict:
    """The verdict as it may be shown: on one line, without secrets, and not too long."""
    return replace(
        verdict,
        message=cut(neutral(redacted(verdict.message, secrets)), MESSAGE_LIMIT),
        external_id=redacted(verdict.external_id, secrets),
        name=redacted(verdict.name, secrets),
        url=redacted(verdict.url, secrets),
    )


def _misconfigured(message: str) -> Verdict:
    return Verdict(Result.PERMANENT, reason=MISCONFIGURED, message=cut(message, MESSAGE_LIMIT))


def _unknown(reason: str, message: str) -> Verdict:
    return Verdict(Result.UNKNOWN, reason=reason, message=message)
