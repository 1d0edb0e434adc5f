"""All that watches the operator itself: what is overdue, the test page, and the heartbeat."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from watchbill.shell.events import Recorder
from watchbill.shell.every import Every
from watchbill.shell.health import Check, faults_of
from watchbill.shell.heartbeat import Facts, Heartbeat
from watchbill.shell.leader import Elector
from watchbill.shell.overdue import PERIOD as WATCHDOG_PERIOD
from watchbill.shell.overdue import Watchdog
from watchbill.shell.perform import Outside
from watchbill.shell.queue import Queue
from watchbill.shell.settings import Settings
from watchbill.shell.sync import Syncer
from watchbill.shell.testpage import PERIOD as TEST_PAGE_PERIOD
from watchbill.shell.testpage import PageTester, Schedule
from watchbill.shell.watch import Watch

DRAIN = 2.0
"""Seconds that a test page on its way gets to end when the process is asked to stop."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What of the operator is looked at."""

    elector: Elector
    queue: Queue
    watch: Watch
    syncer: Syncer
    recorder: Recorder
    checks: dict[str, Check]
    """Those of /livez and /readyz."""


class Lookout:
    """Looks in tasks of its own; it delays nothing, and nothing delays it."""

    def __init__(self, settings: Settings, outside: Outside, watched: Watched) -> None:
        self._outside, self._watched = outside, watched
        clock, metrics = outside.clock, outside.metrics
        self.watchdog = Watchdog(outside.cache, watched.queue, clock, metrics, settings.overdue_after)
        self.watchdog.tell, self.watchdog.leads = watched.recorder.record, watched.elector.is_leader
        self.tester: PageTester | None = None
        self._tasks = [self._every("watchdog", WATCHDOG_PERIOD, self._look)]
        if settings.test_page_connection is not None:
            schedule = Schedule(settings.test_page_connection, settings.test_page_every)
            self.tester = PageTester(schedule, outside, watched.elector)
            self._tasks.append(self._every("test page", TEST_PAGE_PERIOD, self.tester.look))
        if settings.heartbeat_url:
            heartbeat = Heartbeat(settings.heartbeat_url, self.facts, outside.sender.ping, clock, metrics)
            seconds = settings.heartbeat_interval.total_seconds()
            self._tasks.append(self._every("heartbeat", seconds, heartbeat.beat))

    def start(self) -> None:
        """Begin, once every kind is known."""
        for task in self._tasks:
            task.start()

    async def stop(self) -> None:
        """End; whoever leads next resolves a test page that is open."""
        for task in self._tasks:
            await task.stop()
        if self.tester is not None:
            await self.tester.drain(DRAIN)

    def facts(self) -> Facts:
        """What speaks for a heartbeat now, or against it."""
        found, watched = self.watchdog.look(), self._watched
        return Facts(
            leads=watched.elector.is_leader(),
            unreachable_since=self._outside.kube.unreachable_since,
            watch_silent_for=watched.watch.silent_for,
            faults=faults_of(watched.checks | {"resync": lambda: watched.syncer.problem or None}),
            overdue=found.overdue,
            stranded=found.stranded,
            test_page=self.tester.problem() if self.tester is not None else "",
        )

    async def _look(self) -> None:
        self.watchdog.look()

    def _every(self, name: str, seconds: float, action: Callable[[], Awaitable[object]]) -> Every:
        return Every(name, seconds, action, self._outside.clock.monotonic)
