"""Each rule of the shell is taken away, and the test of that rule fails: none is there by accident."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from tests.shell import test_leader as lease
from tests.shell import test_rules as rules
from tests.shell import test_rules_11_to_18 as later
from tests.shell.fake_api import FakeApi, connected, serving
from tests.shell.fake_time import FakeTime, RunningTime
from tests.shell.test_watch import test_a_kopf_that_does_nothing_for_a_minute_is_started_again as stuck_kopf
from tests.shell.world import World
from tests.support.apiserver.in_process import InProcess
from watchbill.api.connection import Connection
from watchbill.core.effects import ConnectionKey
from watchbill.shell.kube import Kube
from watchbill.shell.metrics import Metrics
from watchbill.shell.perform import Performer

pytestmark = pytest.mark.usefixtures("soon")

DAY = 86400.0
PATIENCE = 0.8
"""Seconds that a test gets under a mutant: one that waits for what never comes has failed too."""

FAULTS = (AssertionError, RuntimeError, LookupError, ValueError, TimeoutError)
Rule = Callable[[], Awaitable[None]]


async def no(*_: object) -> bool:
    """What asks nobody and has found nothing."""
    return False


async def in_the_cache(performer: Performer, where: ConnectionKey) -> Connection | None:
    """A connection as the watch told it, or none."""
    return performer._outside.cache.read(Connection, *where)


def nothing(*_: object) -> None:
    """What does nothing."""


def same(what: Any) -> Any:
    """What changes nothing."""
    return what


def without_nulls(old: Any, new: Any) -> Any:
    """The patch that says what is new and not what is gone."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return {name: without_nulls(old.get(name), new[name]) for name in new if old.get(name) != new[name]}


async def unfenced(kube: Kube, path: str, body: dict[str, Any], patch: Any = Kube.patch_status) -> Any:
    """A patch of whatever version there is."""
    return await patch(kube, path, {"status": body["status"]})


@asynccontextmanager
async def a_world() -> AsyncIterator[World]:
    """A world of this one test."""
    time, api = RunningTime(), FakeApi()
    async with connected(api, time.clock(), InProcess(api.handle)) as session:
        made = World(api, session, time)
        try:
            yield made
        finally:
            await made.stop()


def in_a_world(test: Callable[..., Awaitable[None]], *arguments: object) -> Rule:
    """A test that takes a world, in one of its own."""

    async def rule() -> None:
        async with a_world() as world:
            await test(world, *arguments)

    return rule


def for_the_lease(test: Callable[..., Awaitable[None]], *wanted: str) -> Rule:
    """A test of the lease, with what it wants beside the contest: `api` or `time`."""

    async def rule() -> None:
        async with serving(FakeApi()) as api, AsyncExitStack() as stack:
            time = FakeTime()
            given = {"api": api, "time": time}
            contest = lease.Contest(api, time, stack)
            await test(contest, **{name: given[name] for name in wanted})

    return rule


async def stuck() -> None:
    """A kopf that does nothing is started again."""
    await stuck_kopf(FakeTime(), Metrics())


RENEWAL = for_the_lease(lease.test_a_renewal_counts_for_seven_seconds_whether_the_loop_runs_or_not, "time")
SUCCESSION = for_the_lease(
    lease.test_a_dead_leader_is_followed_ten_seconds_after_it_was_last_seen_to_renew, "api", "time"
)
PATCHES = in_a_world(later.test_rule_14_the_patch_says_what_is_gone_and_which_version_it_is_for)
REFUSED = partial(in_a_world, later.test_rule_17_a_status_that_is_refused_is_tried_again_without_its_history)
UNRECORDED = in_a_world(
    later.test_rule_17_without_a_record_keyed_pages_never_wait_and_others_go_after_30_s, 500
)
DELETED = in_a_world(later.test_rule_18_the_open_pages_of_a_deleted_incident_are_resolved, "recorded")

MUTANTS: dict[str, tuple[str, Any, Rule]] = {
    "rule 3: what is not found does not exist": (
        "observe.Absences.confirm",
        no,
        in_a_world(rules.test_rule_03_what_is_not_found_is_asked_for_before_any_fallback_is_taken),
    ),
    "rule 3: a send believes the cache": (
        "perform.Performer._connection",
        in_the_cache,
        in_a_world(
            rules.test_rule_03_a_connection_that_a_send_misses_is_asked_for_before_the_next_hop_is_tried
        ),
    ),
    "rule 4: a record waits for every vendor": (
        "incidents.RECORD_WAIT",
        60.0,
        in_a_world(
            rules.test_rule_04_a_hanging_vendor_does_not_hide_the_phase_and_its_outcome_rides_on_a_later_write
        ),
    ),
    "rule 4: a record waits for no vendor": (
        "incidents.RECORD_WAIT",
        0.0,
        in_a_world(rules.test_rule_04_an_outcome_within_the_second_is_part_of_the_one_write),
    ),
    "rule 7: a watch that is stuck stays so": ("watch.SILENCE", DAY, stuck),
    "rule 8: a renewal counts for ever": ("leader.RENEW_DEADLINE", DAY, RENEWAL),
    "rule 8: a leader acts as long as it thinks it leads": (
        "leader.Elector.valid_for",
        lambda elector: 7.0 if elector._leading else 0.0,
        RENEWAL,
    ),
    "rule 8: the lease is taken while its holder may renew": (
        "leader.Elector._may_take",
        lambda elector: True,
        SUCCESSION,
    ),
    "rule 8: the lease of the dead is never taken": (
        "leader.Elector._may_take",
        lambda elector: elector.holder in ("", elector._name.identity),
        SUCCESSION,
    ),
    "rule 14: what is gone is left out": ("store.merge_patch", without_nulls, PATCHES),
    "rule 14: what is there is written over": ("store.merge_patch", lambda old, new: new, PATCHES),
    "rule 14: the patch is for any version": ("kube.Kube.patch_status", unfenced, PATCHES),
    "rule 14: two write at once, and the later wins": (
        "kube.Kube.patch_status",
        unfenced,
        in_a_world(rules.test_rule_09_a_claim_that_is_lost_to_another_write_sends_nothing),
    ),
    "rule 17: what is invalid is written again as it is": ("store.minimal", same, REFUSED(422)),
    "rule 17: what is too large is written again as it is": ("store.minimal", same, REFUSED(413)),
    "rule 17: no page leaves without its record": (
        "incidents.IncidentKeeper._unwritable",
        lambda *_: None,
        UNRECORDED,
    ),
    "rule 17: a claim is waited for": ("incidents.CLAIM_PATIENCE", timedelta(days=1), UNRECORDED),
    "rule 17: no claim is waited for": ("incidents.CLAIM_PATIENCE", timedelta(0), UNRECORDED),
    "rule 18: a page of what is deleted stays open": ("remains.Remains.resolve", nothing, DELETED),
    "rule 18: a resolve is tried once": (
        "remains.CLOSING_ATTEMPTS",
        1,
        in_a_world(later.test_rule_18_a_resolve_that_fails_is_tried_again_though_no_status_is_left),
    ),
    "rule 18: a page that is not recorded yet was never sent": (
        "unwritten.Unwritten.start",
        lambda unwritten, key, incident, now: incident.status,
        in_a_world(later.test_rule_18_the_open_pages_of_a_deleted_incident_are_resolved, "not recorded"),
    ),
    "rule 18: a page on its way was never sent": (
        "perform.Performer.pages_in_flight",
        lambda performer, uid: (),
        in_a_world(
            later.test_rule_18_the_open_pages_of_a_deleted_incident_are_resolved, "on its way, not recorded"
        ),
    ),
}


@pytest.mark.parametrize(("name", "instead", "rule"), MUTANTS.values(), ids=MUTANTS)
async def test_a_shell_without_this_rule_is_caught(
    monkeypatch: pytest.MonkeyPatch, name: str, instead: object, rule: Rule
):
    await rule()
    monkeypatch.setattr(f"watchbill.shell.{name}", instead)
    with pytest.raises(FAULTS):
        async with asyncio.timeout(PATIENCE):
            await rule()
