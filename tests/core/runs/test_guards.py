"""What keeps a run from starting: locks, cooldowns, caps, breakers, and how many act at a time."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.core.runs.world import T0, World, deployment, run, runbook, scale, world
from watchbill.api.runbook_run_status import Lock
from watchbill.core.runs.observation import OtherRun

ALONE = {"approval": {"count": 0}}
SOON = timedelta(minutes=5)
KEY = "deployment/checkout"


def safe(**safety: Any) -> World:
    return world(scale("up", 5, **ALONE), book={"safety": {"lockKey": KEY, **safety}})


def other(name: str = "other", lock: Lock | None = None, **facts: Any) -> OtherRun:
    return OtherRun(name, f"u-{name}", "book", lock=lock or Lock(key=KEY, state="Held", time=T0), **facts)


def seen(one: World) -> OtherRun:
    """A run as another one sees it."""
    status, meta = one.status, one.run.metadata
    return OtherRun(
        meta.name,
        meta.uid,
        one.run.spec.runbook_ref.name,
        status.phase or "",
        status.lock,
        status.started_time,
        status.ended_time,
    )


class TestALock:
    def test_of_another_run_is_waited_for(self):
        told = safe()
        told.others = (other(),)
        assert told.play(SOON).status.blocked_reason == "Locked"
        assert told.written == []
        told.others = (other(phase="Failed"),)
        assert told.play(SOON).status.phase == "Succeeded"

    def test_is_not_held_before_all_runs_were_asked_for_anew(self):
        told = safe()
        told.listed = T0 - timedelta(hours=1)
        for _ in range(3):
            told.decide()
            told.listed = T0 - timedelta(hours=1)
            told.turn()
            told.listed = T0 - timedelta(hours=1)
        assert told.status.lock.state == "Wanted"
        assert told.decide().wants_others
        assert told.written == []

    def test_is_named_by_parameters(self):
        book = {
            "safety": {"lockKey": "deployment/{{ parameters.deployment }}"},
            "parameters": [{"name": "deployment", "default": "checkout"}],
        }
        assert world(scale("up", 5, **ALONE), book=book).play(SOON).status.lock.key == KEY

    def test_is_the_runbook_where_nothing_is_said(self):
        assert world(scale("up", 5, **ALONE)).play(SOON).status.lock.key == "runbook/book"

    @pytest.mark.feature("F47")
    @pytest.mark.parametrize("turns", [[0, 1] * 20, [1, 0] * 20, [0] * 2 + [1, 0] * 20, [0, 0, 1, 1] * 12])
    def test_is_never_held_by_two_whoever_looks_when(self, turns):
        made = [World(runbook(scale("up", 5, **ALONE)), run(name)) for name in ("run-1", "run-2")]
        for each in made:
            each.put(deployment())
        for number, at in enumerate(turns):
            one, two = made[at], made[1 - at]
            one.now = T0 + timedelta(seconds=number)
            # Each sees the other as it was when it last asked for all runs, and no newer.
            decision = one.turn()
            if decision.wants_others:
                one.others, one.listed = (seen(two),), one.now + timedelta(milliseconds=1)
            active = [w for w in made if w.status.lock is not None and w.status.lock.state == "Held"]
            assert len([w for w in active if not w.status.ended_time]) <= 1
        assert {each.status.phase for each in made} >= {"Succeeded"}


class TestALimit:
    def test_of_a_cooldown_is_waited_for(self):
        told = safe(cooldown="10m")
        ended = T0 - timedelta(minutes=8)
        told.others = (other(phase="Succeeded", started=ended, ended=ended),)
        assert told.play(timedelta(minutes=1)).status.blocked_reason == "Cooldown"
        assert told.status.lock is None
        assert told.play(timedelta(minutes=2)).status.phase == "Succeeded"

    def test_of_a_cooldown_is_for_the_same_lock_alone(self):
        told = safe(cooldown="10m")
        told.others = (replace(other(phase="Succeeded", started=T0, ended=T0), lock=None),)
        assert told.play(SOON).status.phase == "Succeeded"

    def test_of_runs_within_an_hour_is_waited_for(self):
        told = safe(maxPerHour=2)
        times = (T0 - timedelta(minutes=58), T0 - timedelta(minutes=30))
        told.others = tuple(
            other(f"o-{n}", phase="Succeeded", started=t, ended=t) for n, t in enumerate(times)
        )
        assert told.play(timedelta(minutes=1)).status.blocked_reason == "HourlyCap"
        assert told.play(timedelta(minutes=2)).status.phase == "Succeeded"

    def test_of_failures_opens_the_breaker_for_a_while(self):
        told = safe(breaker={"failures": 2, "for": "30m"})
        times = (T0 - timedelta(minutes=29), T0 - timedelta(minutes=28))
        told.others = tuple(other(f"o-{n}", phase="Failed", started=t, ended=t) for n, t in enumerate(times))
        assert told.play(timedelta(minutes=1)).status.blocked_reason == "BreakerOpen"
        assert told.play(timedelta(minutes=2)).status.phase == "Succeeded"

    def test_of_failures_counts_from_the_last_success(self):
        told = safe(breaker={"failures": 2, "for": "30m"})
        ends = [("Failed", 3), ("Succeeded", 2), ("Failed", 1)]
        told.others = tuple(
            other(phase, phase=phase, started=T0, ended=T0 - timedelta(minutes=ago)) for phase, ago in ends
        )
        assert told.play(SOON).status.phase == "Succeeded"

    def test_of_runs_at_a_time_is_waited_for(self):
        told = safe(maxConcurrent=1)
        told.others = (other(lock=Lock(key="another", state="Held", time=T0), phase="Running", started=T0),)
        assert told.play(SOON).status.blocked_reason == "TooManyRuns"

    def test_of_available_replicas_refuses_the_step(self):
        told = safe(minAvailable="100%")
        told.things["Deployment", "checkout"]["status"]["availableReplicas"] = 1
        told.play(SOON)
        assert told.status.phase == "Failed"
        assert told.status.steps[0].message == "1 of 2 replicas are available, of which 2 must be"
        assert told.written == []

    def test_does_not_hold_up_a_run_that_has_begun(self):
        told = world(
            scale("one", 3, **ALONE),
            {"name": "pause", "wait": {"duration": "1m"}},
            scale("two", 4, **ALONE),
            book={"safety": {"lockKey": KEY, "cooldown": "10m"}},
        ).play(timedelta(seconds=30))
        told.others = (other(phase="Succeeded", started=T0, ended=T0 + timedelta(seconds=40)),)
        assert told.play(SOON).status.phase == "Succeeded"


def test_a_dry_run_needs_no_lock_and_minds_no_limit():
    told = world(scale("up", 5), book={"safety": {"lockKey": KEY, "maxConcurrent": 1}}, dryRun=True)
    told.others = (other(phase="Running", started=T0),)
    assert told.play(SOON).status.phase == "Succeeded"
