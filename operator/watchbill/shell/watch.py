"""The one module that knows kopf: it watches every kind, in a thread and a loop of its own.

kopf is started again whenever it ends; the queue, the wake-ups and the sender outlive it (DESIGN §4,
rule 7). Only `on.event` handlers are registered: with storages that store nothing, any handler that
keeps a state would take every event for a creation.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from typing import Any, cast

import aiohttp
import kopf
import structlog

from watchbill.api.group import GROUP, VERSION
from watchbill.api.kinds import KINDS
from watchbill.shell.clock import Clock
from watchbill.shell.credentials import Credentials, LoginError
from watchbill.shell.metrics import Metrics
from watchbill.shell.paths import lists_of
from watchbill.shell.pauses import CappedForever
from watchbill.shell.supervised import Supervised
from watchbill.shell.unlisted import unlisted

CONNECTIONS = 13
"""Connections that kopf may have beside a stream for each kind in each namespace."""

SILENCE = 60.0
"""Seconds without a request or an event after which kopf counts as stuck; a failing request takes 45 s."""

STREAM = 30
"""Seconds after which the server is to end each stream: over the same connection the next one begins."""

STALLED = STREAM + 5.0
"""Seconds without events after which a stream has stalled, for the server has not ended it either."""

LISTENING = 5.0
"""Seconds between two looks for whether kopf is stuck."""

CLOSING = 0.25
"""Seconds that connections get to close, as aiohttp's documentation has it for TLS."""

LISTING = 3.0
"""Seconds from when kopf has begun until it surely has listed everything."""

LogIn = Callable[..., Awaitable[kopf.AiohttpSession]]

Deliver = Callable[[str, str | None, dict[str, Any]], None]
"""Takes a kind, the type of the event (None for one that was listed) and the object."""

log = structlog.get_logger(__name__)


class Watch:
    """Delivers every event of every kind into the loop in which it was made."""

    def __init__(self, credentials: Credentials, clock: Clock, metrics: Metrics, deliver: Deliver) -> None:
        self._credentials = credentials
        self._clock = clock
        self._metrics = metrics
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._kopf = Supervised("kopf", self._operate, clock.monotonic)
        self._kopf.on_begin, self._kopf.on_end = self._began, self._ended
        self.on_gap: Callable[[], None] = lambda: None
        """Called when kopf has ended, 3 s after it has begun, and whenever it watches a kind from anew."""
        self.namespaces: Sequence[str] = ()
        """The namespaces that are watched; empty for all. It must not change once this has started."""
        self._watched: set[str] = set()
        self._all_watched = asyncio.Event()
        self.last_event_time: datetime | None = None
        """When the last event came."""
        self._last_sign = self._last_answer = clock.monotonic()
        self._listener: asyncio.Task[None] | None = None

    @property
    def watching(self) -> bool:
        """Whether kopf has started, has not ended, and has given a sign of life within 60 s."""
        return self._kopf.ready and not self._is_silent()

    @property
    def down_for(self) -> float:
        """Seconds since kopf last was watching; 0 while it is."""
        return self._kopf.down_for

    @property
    def silent_for(self) -> float:
        """Seconds since the API server last answered kopf well, or told of an event."""
        return self._clock.monotonic() - self._last_answer

    def start(self) -> None:
        """Begin to watch; from now on kopf is started again whenever it ends."""
        self._kopf.start()
        self._listener = asyncio.create_task(self._listen(), name="listen to kopf")

    def restart(self) -> None:
        """Have kopf end and be started again, so that it finds kinds that are served only now."""
        self._kopf.restart()

    async def all_watched(self, within: float) -> bool:
        """Whether every kind is watched by now, or in so many seconds: what changes from then on is told."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._all_watched.wait()
        return self._all_watched.is_set()

    async def stop(self) -> None:
        """End kopf, within 12 s or without it."""
        if self._listener is not None:
            self._listener.cancel()
        await self._kopf.stop()

    def restart_if_stuck(self) -> None:
        """Have kopf started again where it runs, as it thinks, and yet does nothing."""
        if self._kopf.ready and self._is_silent():
            log.error("kopf is stuck; it is started again", seconds=SILENCE)
            self.restart()

    async def _listen(self) -> None:
        while True:
            await asyncio.sleep(LISTENING)
            self.restart_if_stuck()

    def _is_silent(self) -> bool:
        return self._clock.monotonic() - self._last_sign > SILENCE

    def _note_sign(self) -> None:
        """Called in kopf's thread too."""
        self._last_sign = self._clock.monotonic()

    def _note_answer(self, status: int) -> None:
        """Called in kopf's thread."""
        if status < HTTPStatus.BAD_REQUEST:
            self._last_answer = self._clock.monotonic()

    async def _operate(self, stop_flag: asyncio.Event, ready_flag: asyncio.Event) -> None:
        sessions: list[aiohttp.ClientSession] = []
        try:
            await kopf.operator(
                registry=registered(self._log_in(sessions), self._hand_over),
                settings=settings(),
                clusterwide=not self.namespaces,
                namespaces=self.namespaces,
                standalone=True,
                # Else kopf asks the system for the user's name, and a pod's user may be a number without one.
                identity=cast(Any, "watchbill"),
                stop_flag=stop_flag,
                ready_flag=ready_flag,
            )
        finally:
            # kopf closes them only where it ends in order.
            for session in sessions:
                await session.close()
            await asyncio.sleep(CLOSING)

    def _log_in(self, sessions: list[aiohttp.ClientSession]) -> LogIn:
        async def log_in(**_: Any) -> kopf.AiohttpSession:
            # kopf asks again after a refusal: the token may have been renewed since it was read.
            self._credentials.reread()
            try:
                paths = lists_of(self.namespaces)
                session = self._credentials.session(
                    CONNECTIONS + len(paths),
                    self._note_sign,
                    self._note_answer,
                    unlisted(paths, self._note_list),
                )
            except LoginError as error:
                raise kopf.PermanentError(str(error)) from error
            sessions.append(session)
            return kopf.AiohttpSession(server=self._credentials.server, aiohttp_session=session)

        return log_in

    def _hand_over(self, kind: str, type_: str | None, raw: dict[str, Any]) -> None:
        """Called in kopf's loop; ours is closed already where the process is ending."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._take, kind, type_, raw)

    def _take(self, kind: str, type_: str | None, raw: dict[str, Any]) -> None:
        self._note_sign()
        self._last_answer = self._clock.monotonic()
        self.last_event_time = self._clock.now()
        self._deliver(kind, type_, raw)

    def _note_list(self, path: str) -> None:
        """Called in kopf's loop, when a list has told from where on a kind is watched."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._watches, path)

    def _watches(self, path: str) -> None:
        if path in self._watched:
            self.on_gap()
        self._watched.add(path)
        if len(self._watched) == len(lists_of(self.namespaces)):
            self._all_watched.set()

    def _began(self) -> None:
        self._note_sign()
        self._loop.call_later(LISTING, self.on_gap)

    def _ended(self) -> None:
        self._metrics.watch_restarts.inc()
        self._watched.clear()
        self.on_gap()


class NoDiffBase(kopf.DiffBaseStorage):
    """Remembers nothing of what was handled."""

    def build(self, *, body: kopf.Body, extra_fields: object = None) -> kopf.BodyEssence:
        """Nothing."""
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        """Nothing."""
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Do nothing."""


class NoProgress(kopf.ProgressStorage):
    """Remembers nothing of handlers that did not finish."""

    def fetch(self, **_: object) -> None:
        """Nothing."""

    def store(self, **_: object) -> None:
        """Do nothing."""

    def purge(self, **_: object) -> None:
        """Do nothing."""

    def touch(self, **_: object) -> None:
        """Do nothing."""

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        """The same."""
        return essence


def settings() -> kopf.OperatorSettings:
    """kopf's settings as kopf.md §11 has them, but without its last resort.

    kopf kills the whole process where it takes too long to end, and the pager with it.
    """
    chosen = kopf.OperatorSettings()
    chosen.process.ultimate_exiting_timeout = None
    chosen.peering.standalone = True
    chosen.scanning.disabled = True
    chosen.posting.enabled = False
    chosen.persistence.finalizer = f"kopf.{GROUP}/unused"
    chosen.persistence.diffbase_storage = NoDiffBase()
    chosen.persistence.progress_storage = NoProgress()
    chosen.queueing.idle_timeout = 1.0
    chosen.watching.server_timeout = STREAM
    chosen.watching.inactivity_timeout = STALLED
    chosen.watching.connect_timeout = 5.0
    chosen.watching.chunk_size = 500
    chosen.networking.request_timeout = 10.0
    chosen.networking.connect_timeout = 5.0
    chosen.networking.error_backoffs = CappedForever(0.2, 2, 30)
    return chosen


def registered(log_in: LogIn, deliver: Deliver) -> kopf.OperatorRegistry:
    """A registry of our own, with a login and one handler of events for each kind."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry, id="login")(log_in)
    for kind in KINDS:
        _register(registry, kind.name, kind.plural, deliver)
    assert_only_events(registry)
    return registry


def assert_only_events(registry: kopf.OperatorRegistry) -> None:
    """Raise where a handler is registered that kopf would keep a state or a webhook for."""
    forbidden: Sequence[str] = ("_changing", "_spawning", "_indexing", "_webhooks")
    found = [name for name in forbidden if getattr(registry, name).get_all_handlers()]
    if found:
        raise AssertionError(f"only on.event handlers may be registered with kopf, not {', '.join(found)}")


def _register(registry: kopf.OperatorRegistry, kind: str, plural: str, deliver: Deliver) -> None:
    # It returns nothing: what such a handler returns, kopf writes to the object's status.
    @kopf.on.event(GROUP, VERSION, plural, registry=registry, id=f"watch-{plural}")
    async def hand_over(event: kopf.RawEvent, **_: Any) -> None:
        deliver(kind, event["type"], dict(event["object"]))
