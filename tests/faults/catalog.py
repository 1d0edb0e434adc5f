"""The faults that a plan may place, by group, as the research on operators has them (Sieve, Acto, Anvil).

Each is made for a stage and a crossing. What it may cost is part of it: how late it may make a page, and
whether it may rightly move a page to somebody else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.faults import environment, replies
from tests.faults.crossings import Crossing, Kind
from tests.faults.network import Fault
from tests.faults.stage import Stage
from tests.support.vendor import response

Make = Callable[[Stage, Crossing], Fault[Any]]

REQUESTS: tuple[Kind, ...] = ("write", "read", "effect")
LEAVING: tuple[Kind, ...] = ("write", "effect")


@dataclass(frozen=True, slots=True)
class Entry:
    """One fault of the catalog."""

    group: str
    at: tuple[Kind, ...]
    make: Make | None = None
    disturb: replies.Disturb | None = None
    """What is done to an event of the watch instead."""
    lasts: float = 0.0
    """Seconds by which it may make a page later than the 20 s that every crash may (F66)."""
    moves: bool = False
    """Whether a page may rightly go to another level: the vendor or the server refused it for good."""
    blinds: bool = False
    """Whether what people say cannot be seen meanwhile, so that pages go out unread (DESIGN §4, rule 6)."""
    unanswered: bool = False
    """Whether an answer never comes, so that it is waited for until it is given up, for 10 s."""
    shows: bool = False
    """Whether the vendor's answer was bad, so that the incident must say so."""
    credentials: bool = False
    """Whether a vendor may not be told of an end, so that the incident must say so (rule 12)."""
    edits: bool = False
    """Whether it is an act of people that changes how the run ends."""


def _before(act: Callable[[Stage, Crossing], None]) -> Make:
    return lambda stage, _: Fault(before=lambda crossing: act(stage, crossing))


def _after(act: Callable[[Stage, Crossing], None]) -> Make:
    return lambda stage, _: Fault(after=lambda crossing: act(stage, crossing))


def _later(act: Callable[[Stage, Crossing], None]) -> Make:
    return lambda stage, _: Fault(later=lambda crossing: act(stage, crossing))


def _crash(stage: Stage, crossing: Crossing) -> None:
    stage.operator_of(crossing).kill()


def _reply(answer: Callable[[Any], Any], taken: bool = False) -> Make:
    return lambda stage, crossing: Fault(taken=taken, answer=answer)


def _slow(seconds: float) -> Make:
    """It takes effect late, though nobody may wait for the answer any more."""
    return lambda stage, crossing: Fault(delay=seconds)


def _api(code: int, **more: str) -> Make:
    return _reply(replies.status(code, **more))


def _vendor(code: int, taken: bool = False, wait: str = "") -> Make:
    headers = {"Retry-After": wait} if wait else {}
    return _reply(lambda _: response(code, headers=headers), taken)


def _held(seconds: float) -> Make:
    """The process is halted before the request leaves, which it does when the process goes on."""

    def make(stage: Stage, crossing: Crossing) -> Fault[Any]:
        process = stage.operator_of(crossing).process
        return Fault(
            before=lambda _: stage.operator_of(crossing).freeze(seconds), holds=lambda: process.frozen
        )

    return make


CATALOG: Mapping[str, Entry] = {
    "crash-before": Entry("crash", REQUESTS, _before(_crash)),
    "crash-after": Entry("crash", LEAVING, _after(_crash)),
    "crash-later": Entry("crash", LEAVING, _later(_crash)),
    "crash-at": Entry("crash", ("event",), disturb=replies.crash_at),
    # What the API server answers.
    "409": Entry("api reply", ("write",), _api(409)),
    "422": Entry("api reply", ("write",), _api(422)),
    "413": Entry("api reply", ("write",), _api(413)),
    "429": Entry("api reply", ("write", "read"), _api(429, retry_after="1")),
    "500": Entry("api reply", ("write", "read"), _api(500)),
    "503": Entry("api reply", ("write", "read"), _api(503)),
    "403": Entry("api reply", ("write", "read"), _api(403), moves=True, credentials=True),
    "404": Entry("api reply", ("write", "read"), _api(404), moves=True, credentials=True),
    "reset-before": Entry("api reply", ("write", "read"), _reply(replies.reset)),
    "reset-after": Entry("api reply", ("write",), _reply(replies.reset, taken=True)),
    "hang": Entry("api reply", ("write", "read"), _reply(replies.hang), unanswered=True),
    "hang-after": Entry("api reply", ("write",), _reply(replies.hang, taken=True), unanswered=True),
    "truncated": Entry("api reply", ("write", "read"), _reply(replies.truncated, taken=True)),
    # What a vendor answers.
    "refused": Entry("effect reply", ("effect",), _reply(replies.refused), shows=True),
    "broken-before": Entry("effect reply", ("effect",), _reply(replies.broken), shows=True),
    "broken-after": Entry("effect reply", ("effect",), _reply(replies.broken, taken=True), shows=True),
    "silent": Entry("effect reply", ("effect",), _reply(replies.hang), unanswered=True, shows=True),
    "silent-after": Entry(
        "effect reply", ("effect",), _reply(replies.hang, taken=True), unanswered=True, shows=True
    ),
    "vendor-429": Entry("effect reply", ("effect",), _vendor(429, wait="2"), shows=True),
    "vendor-500": Entry("effect reply", ("effect",), _vendor(500), shows=True),
    "vendor-503-taken": Entry("effect reply", ("effect",), _vendor(503, taken=True), shows=True),
    "slow": Entry("effect reply", ("effect",), _slow(8), lasts=8),
    "late": Entry("effect reply", ("effect",), _slow(40), lasts=40, moves=True, shows=True),
    "garbage": Entry("effect reply", ("effect",), _reply(replies.garbage, taken=True)),
    "acknowledged-meanwhile": Entry(
        "effect reply", ("effect",), _after(environment.acknowledged), edits=True
    ),
    "resolved-meanwhile": Entry("effect reply", ("effect",), _after(environment.resolved), edits=True),
    # What the watch tells.
    "dropped": Entry("watch", ("event",), disturb=replies.dropped, lasts=125, blinds=True),
    "told-twice": Entry("watch", ("event",), disturb=replies.told_twice),
    "stalled": Entry("watch", ("event",), disturb=replies.stalled, lasts=20, blinds=True),
    "gone": Entry("watch", ("event",), disturb=replies.gone),
    "forgotten": Entry("watch", ("event",), disturb=replies.forgotten),
    "time-travel": Entry("watch", ("event",), disturb=replies.time_travel),
    # Time.
    "hour-ahead": Entry("time", LEAVING, _before(environment.clock_moved(3600))),
    "hour-behind": Entry("time", LEAVING, _before(environment.clock_moved(-3600))),
    "drift": Entry("time", LEAVING, _before(environment.clock_moved(4))),
    "frozen": Entry("time", LEAVING, _before(environment.frozen(60)), lasts=60, moves=True),
    "frozen-before": Entry("time", LEAVING, _held(60), lasts=60, moves=True),
    "frozen-briefly": Entry("time", LEAVING, _before(environment.frozen(5))),
    # More than one replica, or what it looks like.
    "cut-off": Entry(
        "replicas", LEAVING, _before(environment.cut_off(30)), lasts=30, moves=True, blinds=True
    ),
    "lease-stolen": Entry("replicas", LEAVING, _before(environment.lease_stolen), lasts=15),
    "lease-refused": Entry("replicas", LEAVING, _before(environment.lease_refused(20)), lasts=20),
    "newer-version": Entry("replicas", LEAVING, _before(environment.newer_version)),
    "rolled": Entry("replicas", LEAVING, _after(environment.newer_version)),
    # What lies around.
    "server-down": Entry(
        "environment", LEAVING, _before(environment.down(60)), lasts=60, moves=True, blinds=True
    ),
    "server-down-long": Entry(
        "environment", ("effect",), _before(environment.down(600)), lasts=600, moves=True, blinds=True
    ),
    "etcd-restarted": Entry("environment", LEAVING, _before(environment.down(3)), lasts=3, blinds=True),
    "no-space": Entry("environment", LEAVING, _before(environment.unwritable(500, 30)), lasts=30),
    "too-large": Entry("environment", LEAVING, _before(environment.unwritable(413, 30)), lasts=30),
    "may-not-write": Entry("environment", LEAVING, _before(environment.unwritable(403, 30)), lasts=30),
    "secret-rotated": Entry("environment", LEAVING, _before(environment.secret_rotated), credentials=True),
    "secret-gone": Entry(
        "environment", LEAVING, _before(environment.secret_gone(20)), lasts=60, moves=True, credentials=True
    ),
    "secret-empty": Entry(
        "environment", LEAVING, _before(environment.secret_empty(20)), lasts=60, moves=True, credentials=True
    ),
    "policy-gone": Entry("environment", LEAVING, _before(environment.policy_gone(20)), lasts=60, moves=True),
    "namespace-ending": Entry("environment", LEAVING, _before(environment.namespace_ending)),
    "definitions-updated": Entry("environment", LEAVING, _before(environment.history_forgotten)),
    "out-of-memory": Entry("environment", LEAVING, _before(environment.out_of_memory), lasts=10),
}
