"""Tells somebody outside that pages get through; silence is the alarm.

It is sent only while the whole chain is proven: a bare sign of life is false comfort.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlsplit

import structlog

from watchbill.api.reasons import Explained
from watchbill.core.texts import neutral
from watchbill.providers.contract import Request, Response, Verdict
from watchbill.shell.clock import Clock
from watchbill.shell.metrics import Metrics, started_at_zero
from watchbill.shell.redact import redacted

TIMEOUT = 10.0
"""Seconds that one heartbeat may take."""

SILENT_WATCH = 60.0
"""Seconds without an answer to kopf or an event, after which the watch is not fresh.

A stream is begun anew every 30 s, and that is answered.
"""

Ping = Callable[[Request, float], Awaitable[Response | Verdict]]
"""Makes a request within so many seconds."""

log = structlog.get_logger(__name__)


class Silence(Explained):
    """Why no heartbeat is sent."""

    NOT_LEADING = "NotLeading", "This process does not lead: the leader sends the heartbeat."
    API_SERVER_UNREACHABLE = "APIServerUnreachable", "The API server does not answer."
    WATCH_STALE = "WatchStale", "The API server has answered no watch for a minute."
    UNHEALTHY = "Unhealthy", "`/livez` or `/readyz` says that something is wrong; the log repeats it."
    OVERDUE = (
        "Overdue",
        "Something is overdue: see `watchbill_overdue_actions` and Events.",
    )
    LAST_RESORT = "LastResort", "For an open incident only the connection of `--last-resort` is left."
    TEST_PAGE = "TestPage", "The last scheduled test page did not get through, or did not come."


@dataclass(frozen=True, slots=True)
class Facts:
    """What speaks for a heartbeat, or against it."""

    leads: bool
    unreachable_since: datetime | None = None
    """Since when the API server does not answer."""
    watch_silent_for: float = 0.0
    """Seconds since the watch was last answered, or told of something."""
    faults: tuple[str, ...] = ()
    """What /livez and /readyz would say."""
    overdue: Mapping[str, int] = field(default_factory=dict)
    """How much is overdue, by kind."""
    stranded: int = 0
    """For how many open incidents the operator's own last resort alone is left."""
    test_page: str = ""
    """What is wrong with the last scheduled test page; empty where nothing is."""


def reasons_to_be_silent(facts: Facts) -> dict[Silence, str]:
    """Why no heartbeat may be sent, each with its particulars; empty where one is."""
    since = facts.unreachable_since
    overdue = ", ".join(f"{count} {kind}" for kind, count in facts.overdue.items() if count)
    found = {
        Silence.NOT_LEADING: "" if facts.leads else "it stands by",
        Silence.API_SERVER_UNREACHABLE: f"since {since:%H:%M:%S} UTC" if since else "",
        Silence.WATCH_STALE: _stale(facts.watch_silent_for),
        Silence.UNHEALTHY: "; ".join(facts.faults),
        Silence.OVERDUE: overdue,
        Silence.LAST_RESORT: f"{facts.stranded} open" if facts.stranded else "",
        Silence.TEST_PAGE: facts.test_page,
    }
    return {reason: text for reason, text in found.items() if text}


def _stale(seconds: float) -> str:
    return f"for {seconds:.0f} s" if seconds > SILENT_WATCH else ""


class Heartbeat:
    """Asks for the facts, and sends one heartbeat where nothing speaks against it."""

    def __init__(self, url: str, observe: Callable[[], Facts], ping: Ping, clock: Clock, metrics: Metrics):
        # Whoever knows the URL can send heartbeats.
        secrets = tuple(text for text in (url, urlsplit(url).path) if len(text) > 1)
        self._request = Request("GET", url, {}, b"", secrets)
        self._observe = observe
        self._ping = ping
        self._clock = clock
        self._metrics = metrics
        started_at_zero(metrics.heartbeats, ("ok", "failed"))
        self._silent: list[Silence] | None = None
        self._problem = ""

    async def beat(self) -> None:
        """Send one, or say once why none is sent."""
        reasons = reasons_to_be_silent(self._observe())
        self._note(reasons)
        if reasons:
            return
        problem = self._problem_of(await self._ping(self._request, TIMEOUT))
        self._metrics.heartbeats.labels("failed" if problem else "ok").inc()
        if problem and problem != self._problem:
            log.warning("a heartbeat did not arrive", problem=problem)
        elif self._problem and not problem:
            log.info("heartbeats arrive again")
        self._problem = problem
        if not problem:
            self._metrics.heartbeat_last_success.set(self._clock.now().timestamp())

    def _note(self, reasons: Mapping[Silence, str]) -> None:
        for reason in Silence:
            self._metrics.heartbeat_silent.labels(reason.value).set(reason in reasons)
        if list(reasons) == self._silent:
            return
        self._silent = list(reasons)
        if reasons:
            said = {reason.value: text for reason, text in reasons.items()}
            tell = log.info if Silence.NOT_LEADING in reasons else log.warning
            tell("no heartbeat is sent", reasons=said)
        else:
            log.info("the heartbeat is sent")

    def _problem_of(self, answer: Response | Verdict) -> str:
        """Why it did not arrive, without its URL; empty where it did."""
        if isinstance(answer, Verdict):
            return neutral(redacted(answer.message, self._request.secrets))
        arrived = HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES
        return "" if arrived else f"HTTP {answer.status}"
