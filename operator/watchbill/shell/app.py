"""Puts the parts together, starts them in order, and stops them in the reverse."""

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from watchbill import __version__
from watchbill.core.effects import ConnectionKey
from watchbill.shell.cache import Cache, ObjectKey, Raw, Version, key_of
from watchbill.shell.clock import Clock
from watchbill.shell.credentials import Credentials
from watchbill.shell.egress import Egress
from watchbill.shell.events import Recorder
from watchbill.shell.fresh import FreshReads
from watchbill.shell.health import CannotListen, HealthServer, Ticker, liveness, readiness
from watchbill.shell.inbox import Inbox
from watchbill.shell.incidents import BLIND_FOR, IncidentKeeper, Parts
from watchbill.shell.kube import Kube
from watchbill.shell.leader import Elector, LeaseName
from watchbill.shell.lookout import Lookout, Watched
from watchbill.shell.mail import Mailer
from watchbill.shell.metrics import Metrics
from watchbill.shell.neighbors import Neighbors
from watchbill.shell.observe import Observer
from watchbill.shell.perform import Outside, Performer
from watchbill.shell.queue import Queue, Reconcile
from watchbill.shell.reachable import Reachable
from watchbill.shell.ready import ReadyKeeper
from watchbill.shell.remains import Remains
from watchbill.shell.runs.parts import Around, Runs
from watchbill.shell.secrets import SecretReader
from watchbill.shell.send import Sender
from watchbill.shell.settings import Settings, holder_of
from watchbill.shell.store import Store
from watchbill.shell.sweep import Sweep
from watchbill.shell.sync import KINDS_IN_ORDER, Syncer, ranks_of
from watchbill.shell.tally import Tally
from watchbill.shell.telling import Teller
from watchbill.shell.unwritten import Unwritten, keeping
from watchbill.shell.watch import Deliver, Watch
from watchbill.shell.web import Web

WATCHED_WITHIN = 3.0
"""Seconds that the first list waits for the watch."""

MILDEST = 1000
"""A rank after all others."""

DRAIN = 10.0
"""Seconds that sends in flight get to end when the process is asked to stop."""

log = structlog.get_logger("watchbill")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a process meets outside of itself, besides the API server; a rehearsal brings its own."""

    clock: Callable[[], Clock] = Clock
    web: Callable[[Egress], Web] = Web
    watch: Callable[[Credentials, Clock, Metrics, Deliver], Watch] = Watch
    sender: Callable[..., Sender] = Sender
    reconcile: Callable[[Reconcile, Cache], Reconcile] = lambda reconcile, cache: reconcile


class App:
    """One operator process."""

    def __init__(
        self, credentials: Credentials, settings: Settings, surroundings: Surroundings | None = None
    ) -> None:
        around = surroundings or Surroundings()
        self._settings = settings
        self.clock = around.clock()
        self.metrics = Metrics(__version__)
        self.kube = Kube(credentials, self.clock, self.metrics)
        self.kube.namespaces = settings.watch_namespaces
        self.cache = Cache()
        lease = LeaseName(settings.namespace, "watchbill", settings.identity)
        self.elector = Elector(self.kube, self.clock, self.metrics, lease)
        self._store = Store(self.kube, self.cache)
        self.recorder = Recorder(self.kube, self.clock, self.metrics, settings.identity)
        self._teller = Teller(self.recorder, self.cache, self.elector.is_leader)
        self.tally = Tally(self.metrics)
        self.queue = Queue(around.reconcile(self._reconcile, self.cache), self.metrics, self.clock.monotonic)
        self.inbox = Inbox(self.cache, self._changed, self._deleted)
        self.watch = around.watch(credentials, self.clock, self.metrics, self.inbox.deliver)
        self.watch.namespaces = settings.watch_namespaces
        self._fresh = FreshReads(self.kube, self.cache, self.clock.monotonic)
        self.syncer = Syncer(self.kube, self.cache, self.metrics, self.inbox.deliver, self._fresh)
        self.sweep = Sweep(self.kube, self._look_again, self.queue.empty)
        self._egress = egress = Egress(settings.egress)
        web, own_web = around.web(egress), around.web(Egress())
        self.sender = around.sender(self.clock, web=web, mailer=Mailer(egress=egress), own_web=own_web)
        self._neighbors = Neighbors(self.cache, self.queue.add, lambda: self.syncer.synced)
        self._ticker, self._stopping = Ticker(self.clock.monotonic), asyncio.Event()
        live = liveness(self._ticker, self.queue, self.watch, self.elector, self.syncer)
        ready = readiness(self.syncer, self.watch, self._stopping.is_set)
        self._health = HealthServer(self.metrics, live, ready)
        watched = Watched(
            self.elector, self.queue, self.watch, self.syncer, self.recorder, checks={**live, **ready}
        )
        outside = self._wire()
        self.lookout = Lookout(settings, outside, watched)
        tell, synced = self._teller.of_run, lambda: self.syncer.synced
        self.runs = Runs(Around(outside, credentials, web, self.queue, settings, self.elector, tell, synced))
        self.observer.mitigation = self.runs.around
        self.incidents.start_runs = self.runs.start

    def _wire(self) -> Outside:
        settings, store, unwritten = self._settings, self._store, Unwritten()
        outside = Outside(
            sender=self.sender,
            secrets=SecretReader(self.kube, self.clock.monotonic, settings.account),
            cache=self.cache,
            kube=self.kube,
            clock=self.clock,
            metrics=self.metrics,
            deliver=self.inbox.deliver,
            fresh=self._fresh,
            knows_all=lambda: self.sweep.complete,
            tell=self._teller.of_console,
        )
        store.on_echo, store.aside = self.queue.take_back, self.queue.aside
        self.performer = Performer(outside, self.may_act, keeping(unwritten, self.cache, self.queue.add))
        store.in_rush = self.performer.in_rush
        self.observer = observer = Observer(
            self.cache, self.kube, self.clock, holder_of(settings.identity), self.inbox.deliver
        )
        observer.last_resort = settings.last_resort
        self.remains = Remains(observer, self.performer, unwritten, self.clock)
        self.incidents = IncidentKeeper(
            Parts(
                observer=observer,
                performer=self.performer,
                store=store,
                clock=self.clock,
                tally=self.tally,
                unwritten=unwritten,
                remains=self.remains,
                tell=self._teller.of_incident,
                may_act=self.may_act,
            )
        )
        ready = self.cache, outside.secrets, self.kube.patch_status, self.clock.now
        self.ready_keeper = ReadyKeeper(*ready, Reachable(self._egress))
        self.elector.on_gain = self._look_at_everything
        self.sweep.on_complete = self.syncer.start
        self.clock.is_relied_on = self.elector.is_leader
        self.watch.on_gap = self.syncer.request
        self.syncer.on_appeared = self.syncer.on_missed = self.watch.restart
        self.sender.measure(self.metrics)
        return outside

    def may_act(self) -> bool:
        """Whether this process leads, or led until the API server went silent (DESIGN §4, rule 6)."""
        if self.elector.is_leader():
            return True
        since = self.elector.lost_unreachable_since
        return (
            since is not None
            and self.kube.unreachable_since is not None
            and self.clock.now() - since < BLIND_FOR
        )

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT; sends in flight end, and the lease is released, before it returns.

        Raises what kept it from starting.
        """
        stop, loop = self._stopping, asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        try:
            await self._health.start(self._settings.health_address)
        except CannotListen:
            await self.sender.aclose()
            await self.runs.close()
            await self.kube.close()
            raise
        log.info("health is served", port=self._health.port)
        starting = asyncio.create_task(self.start(), name="start")
        starting.add_done_callback(lambda task: stop.set() if has_failed(task) else None)
        await stop.wait()
        log.info("stopping: sends in flight are ended first")
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await self.stop()
        if not starting.cancelled():
            starting.result()

    async def start(self) -> None:
        """Return once this process leads and watches; tries until then."""
        self._ticker.start()
        self.recorder.start()
        self.queue.pause()
        self.elector.start()
        self.watch.start()
        # What changes while the lists are read is told by the watch. Where a kind is not served, it never is.
        await self.watch.all_watched(WATCHED_WITHIN)
        # Nothing is decided before all is known that decisions need (DESIGN §4, rule 3).
        await self.syncer.first_sync(self.queue.resume)
        self.lookout.start()
        self.sweep.start()
        while not (self.elector.is_leader() and self.watch.watching):
            await (asyncio.sleep(0.05) if self.elector.is_leader() else self.elector.gain())
        log.info("ready", identity=self._settings.identity)
        if (key := self._settings.last_resort) and not self.cache.knows("Connection", *key):
            log.error(
                "the connection of --last-resort is not there; create it",
                namespace=key.namespace,
                name=key.name,
            )

    async def stop(self) -> None:
        """End what was begun, write it while this process still leads, and release the lease."""
        await self.queue.stop(timedelta(seconds=5))
        await self.lookout.stop()
        await self.sweep.stop()
        await self.remains.stop()
        await asyncio.gather(self.performer.drain(DRAIN), self.runs.drain(DRAIN))
        await self.incidents.record_rest()
        await self.runs.record_rest()
        await self.elector.stop()
        await self.recorder.stop()
        await self.syncer.stop()
        await self.sender.aclose()
        await self.watch.stop()
        self._ticker.stop()
        await self._health.stop()
        await self.runs.close()
        await self.kube.close()

    async def _reconcile(self, key: ObjectKey) -> timedelta | None:
        if key.kind == "Incident":
            self._teller.of_problem(key)
            try:
                return await self.incidents.reconcile(key)
            finally:
                self.cache.release(*key)
        if key.kind == "RunbookRun":
            self._teller.of_problem(key)
            # Whether what it names is there cannot be said before.
            return await self.runs.reconcile(key) if self.syncer.synced else timedelta(seconds=1)
        if key.kind == "IncidentUpdate" and not self.sweep.complete:
            # Whether its incident is there cannot be said yet.
            return timedelta(seconds=1)
        return await self.ready_keeper.reconcile(*key) if self.elector.is_leader() else None

    def _look_at_everything(self) -> None:
        ranks = ranks_of(self.cache.list("IncidentClass"))

        def rank(awake: tuple[ObjectKey, Version]) -> int:
            severity = self.tally.severity(awake[1].uid)
            # One that no class knows is worked at as the worst; a drill can wait.
            return MILDEST if severity is None else ranks.get(severity, 0)

        for kind in KINDS_IN_ORDER:
            for key, _ in sorted(self.cache.awake(kind), key=rank):
                self.queue.add(key, urgent=kind == "Incident")
        # Those that rest page nobody: the others do not wait for them.
        self.sweep.request()

    def _look_again(self, raw: dict[str, Any]) -> None:
        """Have an incident looked at that may rest, be it unchanged."""
        self.inbox.deliver("Incident", None, raw)
        self.cache.upsert("Incident", raw, waking=True)
        self.queue.add(key_of("Incident", raw))

    def _changed(self, key: ObjectKey, raw: Raw) -> None:
        self.queue.add(key, urgent=key.kind == "Incident" and not (raw.get("status") or {}).get("pages"))
        if key.kind == "IncidentClass":
            self.tally.severities = ranks_of(self.cache.list("IncidentClass"))
        if key.kind == "Incident":
            self._store.outdated(key)
            self.observer.channels.told(raw)
        self.tally.told(key.kind, raw)
        self._neighbors.changed(key, raw)
        self.runs.changed(key, raw)

    def _deleted(self, key: ObjectKey, last: Raw) -> None:
        if key.kind == "Incident":
            self.incidents.deleted(key, last)
        if key.kind == "Connection":
            self.sender.forget(ConnectionKey(key.namespace, key.name))
        self.tally.gone(last["metadata"]["uid"])
        self._neighbors.deleted(key, last)
        self.runs.deleted(key, last)


def has_failed(task: asyncio.Task[Any]) -> bool:
    """Whether the task has ended by raising."""
    return not task.cancelled() and task.exception() is not None
