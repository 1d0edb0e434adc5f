"""Plans with real processes: which ones are drawn, and that they are played."""

import os
import signal

import pytest

from dev.assets import find_assets
from tests.faults import campaign, page
from tests.faults.crossings import Crossing
from tests.faults.plans import Placed, Plan, plan_of
from tests.faults.play import play
from tests.faults.real import campaign as real
from tests.faults.real import choice
from tests.faults.real.nursery import Forked
from tests.faults.real.remote import Copy, author_of
from tests.faults.report import coverage, facts, is_well
from tests.support.require import require

CRASHED = "real/one-page@1:incidents-status~1.crash-before"
SEEDED = "a secret is logged"


def test_the_id_of_a_plan_with_real_processes_names_places():
    plan = plan_of(f"{CRASHED}+events~2.crash-after")
    assert str(plan) == f"{CRASHED}+events~2.crash-after"
    assert plan.real
    assert plan.placed[1] == Placed("events~2", "crash-after")


def test_forty_plans_are_drawn_of_every_group_and_the_same_ones_for_a_seed():
    plans = choice.some(40, 7)
    assert len(set(plans)) == 40
    assert choice.some(9, 7) == choice.some(9, 7) != choice.some(9, 8)
    assert len({plan.scenario for plan in plans}) > 15
    assert sum(len(plan.placed) > 1 for plan in plans) == choice.SHARES["crash in recovery"]


def test_all_plans_are_more_than_650_and_crash_before_and_after_every_crossing():
    plans = choice.full(1)
    assert len(set(plans)) == len(plans) > 650
    outcomes = [campaign.Outcome(plan, (), len(plan.placed), 0.0) for plan in plans]
    learned = {
        f"{name}@{number}": campaign.reference(name, number).crossings for name, number in choice.variants()
    }
    covered = coverage(campaign.Campaign(outcomes, learned))
    for when in ("before", "after"):
        reached, _, every = covered[when].partition("/")
        assert reached == every


@pytest.mark.parametrize(("scenario", "replicas"), campaign.variants())
def test_after_the_last_crossing_of_a_run_there_is_still_a_recovery_to_crash_in(scenario: str, replicas: int):
    crossings = campaign.reference(scenario, replicas).crossings
    last = [each for each in crossings if each.kind in ("write", "effect")][-1]
    run = play(Plan(scenario, replicas, (Placed(str(last.number), "crash-after"),)))
    assert run.happened == 1
    assert any(each.number > last.number and each.kind == "write" for each in run.crossings)


def test_a_plan_whose_fault_was_never_reached_covers_nothing_and_is_told_of():
    crossing = Crossing(0, "write", "PUT leases #1", "one", "leases~1")
    plan = Plan("one-page", 1, (Placed("leases~1", "crash-before"),), real=True)
    played = campaign.Campaign([campaign.Outcome(plan, (), 0, 0.0)], {"one-page@1": (crossing,)})
    found = facts(played, [])
    assert found["covered"]["before"] == "0/1"
    assert (found["plans"], found["not reached"]) == (0, [str(plan)])


def test_what_a_real_run_without_a_fault_does_not_cross_is_not_counted():
    there, absent = (Crossing(at, "write", "", "one", f"leases~{at}") for at in (1, 2))
    played = campaign.Campaign(learned={"one-page@1": (there, absent)})
    real.learn(played, campaign.Outcome(Plan("one-page", 1, real=True), (), 0, 0.0, (there,)))
    assert played.learned["one-page@1"] == (there,)


def test_the_page_tells_what_was_played_and_found():
    plan = plan_of(CRASHED)
    played = campaign.Campaign([campaign.Outcome(plan, ("O2 no lost page: it never came",), 1, 3.0)])
    machine = {"when": "today", "cores": 2, "cpu": "a processor", "memory_gib": 8.0, "python": "3.11"}
    text = page.page({"seed": 1, "machine": machine, "real": facts(played, [])})
    assert "| lost pages | **1** |" in text
    assert "| crash | 1 |" in text
    assert "--plan real/" in text


@pytest.mark.parametrize(
    ("body", "who"),
    [
        ({"spec": {"acknowledgedBy": {"bo": {}}}}, "bo"),
        ({"spec": {"state": "Resolved", "setBy": {"state": "cy"}}}, "cy"),
        ({"spec": {}}, "ana"),
        (None, "ana"),
    ],
)
def test_a_person_asks_under_the_name_that_the_change_bears(body: dict[str, object] | None, who: str):
    assert author_of(body) == who


def test_the_copy_of_what_etcd_has_keeps_every_version():
    copy = Copy()
    for version, type_ in ((5, "ADDED"), (7, "MODIFIED"), (9, "DELETED")):
        metadata = {"namespace": "shop", "name": "cart", "resourceVersion": str(version)}
        copy.learn({"type": type_, "object": {"kind": "Incident", "metadata": metadata}})
    assert [(change.version, change.type) for change in copy.history] == [
        (5, "ADDED"),
        (7, "MODIFIED"),
        (9, "DELETED"),
    ]


def test_a_process_that_somebody_else_waits_for_is_known_to_have_ended():
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    process = Forked(pid)
    assert process.poll() is None
    process.kill()
    os.waitpid(pid, 0)
    assert process.wait(5) == -1


@pytest.mark.cluster
def test_a_killed_operator_pages_once_more_and_one_with_a_seeded_fault_is_caught():
    require(find_assets(os.environ) is not None, "kube-apiserver and etcd: `python -m dev build` builds them")
    said: list[str] = []
    played, catches = real.run([plan_of(CRASHED)], [SEEDED], said.append)
    assert [(str(each.plan), each.findings, each.happened) for each in played.outcomes] == [(CRASHED, (), 1)]
    assert [each.oracle for each in catches] == ["O8 no leak"]
    assert is_well(facts(played, catches))
