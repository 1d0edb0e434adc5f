"""The harness itself: what it plays is the same each time, and what it finds is there."""

import asyncio

import pytest

from tests.faults import campaign, on_pages
from tests.faults.hunt import catch
from tests.faults.on_records import leaks_nothing
from tests.faults.oracles import judged
from tests.faults.plans import Plan, in_recovery, plan_of, singles
from tests.faults.play import Run, play
from tests.faults.run_stage import RunStage
from tests.faults.team import ROTATED
from tests.faults.virtual_time import START, Process, played

VARIANTS = [f"{name}@{replicas}:" for name, replicas in campaign.variants()]
RECOVERED = "unkeyed@1:22.crash-after+30.crash-before"
EXEMPLARY = (
    "rule 1: outcomes in hand are dropped",
    "rule 5: no fresh read precedes a page",
    "rule 9: the claim of another process is one's own",
    "rule 19: a key is random",
    "a secret is logged",
)


def traces(run: Run) -> tuple[object, ...]:
    return [str(each) for each in run.crossings], run.stage.vendors.arrived, run.stage.now_at_end


def test_time_passes_only_when_nothing_is_left_to_do():
    async def hour() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert played(hour) == START + 3600


def test_a_killed_process_never_runs_again_and_a_frozen_one_is_late():
    done: list[tuple[str, float]] = []

    async def work(name: str) -> None:
        try:
            await asyncio.sleep(10)
        finally:
            done.append((name, asyncio.get_running_loop().time() - START))

    async def story() -> None:
        killed, frozen = Process("killed"), Process("frozen")
        for process in (killed, frozen):
            process.start(work(process.name))
        await asyncio.sleep(5)
        killed.kill()
        frozen.freeze()
        await asyncio.sleep(20)
        assert done == []
        frozen.thaw()
        await asyncio.sleep(1)
        assert done == [("frozen", 25.0)]
        await killed.bury()

    played(story)


def test_a_plan_has_an_id_by_which_it_is_played_again():
    assert str(plan_of(RECOVERED)) == RECOVERED
    with pytest.raises(ValueError, match="no fault typo"):
        plan_of("one-page@1:3.typo")


@pytest.mark.parametrize("plan", ["two-incidents@1:", RECOVERED, "channel@1:24.reset-after"])
def test_a_plan_goes_the_same_way_each_time(plan: str):
    assert traces(play(plan_of(plan))) == traces(play(plan_of(plan)))


@pytest.mark.parametrize("plan", VARIANTS)
def test_a_story_without_a_fault_ends_well(plan: str):
    wanted = plan_of(plan)
    run = play(wanted)
    assert judged(run, campaign.reference(wanted.scenario, wanted.replicas)) == []
    assert run.settled
    pages_nobody = wanted.scenario == "taken-unpaged" or isinstance(run.stage, RunStage)
    assert run.stage.vendors.pages or pages_nobody


def test_there_are_more_than_ten_thousand_plans_of_one_fault():
    counts = [len(list(singles(*each, campaign.reference(*each).crossings))) for each in campaign.variants()]
    assert sum(counts) > 10_000


def test_a_recovery_from_each_crossing_is_tried_before_another_from_the_same_one():
    crossings = campaign.reference("one-page", 1).crossings
    crashes = [plan for plan in singles("one-page", 1, crossings) if plan.placed[0].fault == "crash-after"]
    again = [plan for first in crashes[:3] for plan in in_recovery(first, crossings)]
    first, others = campaign.firsts(again, lambda plan: plan.placed[0].at)
    assert [plan.placed[0] for plan in first] == [plan.placed[0] for plan in crashes[:3]]
    assert sorted(map(str, first + others)) == sorted(map(str, again))


def test_each_story_gets_an_equal_share_and_each_kind_of_plan_its_turn():
    dear, cheap = ([plan_of(f"{name}@1:{at}.409") for at in range(9)] for name in ("rounds", "one-page"))
    again = [plan_of(f"one-page@1:{at}.409+9.crash-before") for at in range(2)]
    played = list(campaign.shared({"rounds@1": 200, "one-page@1": 100}, dear + cheap, again))
    assert sorted(map(str, played)) == sorted(map(str, dear + cheap + again))
    assert [plan.scenario for plan in played[:12]].count("one-page") == 8
    assert [str(plan) for plan in played if plan.scenario == "one-page"][:3] == [
        "one-page@1:0.409",
        "one-page@1:0.409+9.crash-before",
        "one-page@1:1.409",
    ]


def test_a_page_that_never_came_is_found():
    plan = Plan("one-page", 1)
    run = play(plan)
    run.missing = "a page of level first"
    assert list(on_pages.loses_no_page(run, campaign.reference("one-page", 1)))


def test_a_secret_in_a_metric_is_found():
    run = play(Plan("one-page", 1))
    (operator,) = run.stage.operators
    assert set(operator.measures()) >= {"incidents/status", "shop"}
    assert operator.measures() == run.stage.metrics
    operator.apps[0].metrics.circuit_open.labels(ROTATED)
    run.stage.metrics = operator.measures()
    found = list(leaks_nothing(run, campaign.reference("one-page", 1)))
    assert found == ["a secret's value stands in a metric"]


@pytest.mark.parametrize("mutant", EXEMPLARY)
def test_a_fault_of_the_operator_is_found(mutant: str):
    assert catch(mutant).oracle
