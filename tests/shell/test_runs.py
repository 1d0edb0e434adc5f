"""Runs that really run: whole operators, a server that holds objects, and accounts with their own rights."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.network import Fault
from tests.faults.plans import plan_of
from tests.faults.play import play
from tests.faults.run_stage import ACCOUNT, RunStage, call, patch, tell
from tests.support.apiserver.answers import Refusal
from tests.support.apiserver.reading import Request
from watchbill.shell.paths import path_of


def test_a_step_changes_an_object_under_the_teams_account():
    async def story(stage: RunStage) -> None:
        stage.runbook(patch())
        stage.request()
        status = await stage.ended()
        assert (status["phase"], status["progress"]) == ("Succeeded", "1/1")
        assert stage.load == "low"

    stage = tell(story)
    assert [account for account, *_ in stage.acts] == [ACCOUNT]


def test_the_plan_shows_what_would_change_and_a_dry_run_changes_nothing():
    async def story(stage: RunStage) -> None:
        stage.runbook(patch())
        stage.request(dryRun=True)
        status = await stage.ended()
        assert status["plan"]["steps"][0]["diff"] == 'data.load: "high" -> "low"'
        assert (status["phase"], stage.load, stage.acts) == ("Succeeded", "high", [])

    tell(story)


def test_without_a_token_it_is_blocked_with_the_command_and_goes_on_once_that_is_done():
    async def story(stage: RunStage) -> None:
        stage.server.granted.clear()
        stage.runbook(patch())
        stage.request()
        status = await stage.blocked("AccountForbidden")
        assert (
            "kubectl -n shop create role incident-responder-token --verb=create "
            "--resource=serviceaccounts/token --resource-name=incident-responder && kubectl -n shop create "
            "rolebinding incident-responder-token --role=incident-responder-token "
            "--serviceaccount=watchbill:watchbill"
        ) in status["blockedMessage"]
        stage.server.granted.add(ACCOUNT)
        assert (await stage.ended())["phase"] == "Succeeded"

    tell(story)


def test_a_right_that_the_account_lacks_is_told_and_waited_for():
    async def story(stage: RunStage) -> None:
        stage.server.rights.discard(("patch", "configmaps"))
        stage.runbook(patch())
        stage.request()
        status = await stage.blocked("Denied")
        assert 'cannot patch resource "configmaps"' in status["blockedMessage"]
        stage.server.rights.add(("patch", "configmaps"))
        assert (await stage.ended())["phase"] == "Succeeded"

    tell(story)


def test_a_high_step_waits_for_somebody_else():
    async def story(stage: RunStage) -> None:
        stage.runbook(patch(approval={"count": 1}))
        stage.request()
        await stage.wait("a plan", lambda: stage.of_run().get("phase") == "AwaitingApproval")
        stage.approve("ana")
        await stage.pass_(minutes=1)
        assert stage.load == "high"
        stage.approve("bo")
        status = await stage.ended()
        assert (status["phase"], status["steps"][0]["approvedBy"]) == ("Succeeded", ["bo"])

    tell(story)


def test_a_refusal_fails_the_step():
    async def story(stage: RunStage) -> None:
        stage.runbook(patch(), patch("next"))
        stage.server.things.clear()
        stage.request()
        status = await stage.ended()
        assert (status["phase"], [s.get("phase") for s in status["steps"]]) == ("Failed", ["Failed", None])
        assert "not found" in status["stoppedMessage"]

    tell(story)


def test_a_check_that_never_comes_true_times_out():
    async def story(stage: RunStage) -> None:
        check = {"targetRef": patch()["kubernetes"]["targetRef"], "within": "20s"}
        stage.runbook({"name": "look", "check": {**check, "condition": "object.data.load == 'low'"}})
        stage.request()
        status = await stage.ended()
        assert (status["phase"], stage.step("look")["reason"]) == ("Failed", "Timeout")

    tell(story)


def test_people_and_time_are_waited_for():
    async def story(stage: RunStage) -> None:
        stage.runbook(
            {"name": "by-hand", "manual": {"text": "Look."}}, {"name": "rest", "wait": {"duration": "30s"}}
        )
        stage.request()
        await stage.pass_(minutes=2)
        assert stage.of_run()["progress"] == "0/2"
        stage.says(manualDone={"cy": {"steps": ["by-hand"]}})
        await stage.pass_(seconds=20)
        assert stage.of_run()["progress"] == "1/2"
        assert (await stage.ended())["phase"] == "Succeeded"
        assert stage.step("by-hand")["output"] == "done by cy"

    tell(story)


def test_a_request_elsewhere_is_sent_once():
    async def story(stage: RunStage) -> None:
        stage.runbook(call())
        stage.request()
        assert (await stage.ended())["phase"] == "Succeeded"
        assert (stage.step("call")["output"], stage.calls) == ("HTTP 204", 1)

    tell(story)


def test_a_request_without_an_answer_stops_the_run_and_pages_a_person():
    async def story(stage: RunStage) -> None:
        def broken(answer: Any) -> Any:
            raise ConnectionResetError

        stage.break_at("deployer-deploy~1", Fault(answer=broken))
        stage.runbook(call(), patch("next"))
        stage.request()
        status = await stage.ended()
        assert (status["phase"], status["stoppedReason"]) == ("Failed", "OutcomeUnknown")
        assert (stage.calls, stage.load) == (1, "high")
        assert status["attention"]["askedTime"]

    stage = tell(story)
    assert [page.vendor for page in stage.vendors.pages if page.vendor != "deployer"] == ["pagerduty"]


@pytest.mark.parametrize("done", [False, True])
def test_a_crash_between_claim_and_outcome_stops_the_run_and_pages_a_person(done: bool):
    """Whether the step was done or not: the process that comes next cannot tell, and does nothing again."""

    async def story(stage: RunStage) -> None:
        stage.runbook(patch(), patch("next", "none"))

        def kill_in_between() -> None:
            if stage.step().get("claim") and bool(stage.acts) == done:
                stage.server.on_change.remove(kill_in_between)
                stage.leader.kill()

        stage.server.on_change.append(kill_in_between)
        stage.request()
        status = await stage.ended()
        assert (status["phase"], status["stoppedReason"]) == ("Failed", "OutcomeUnknown")
        assert (len(stage.acts), len(stage.operators[0].past)) == (int(done), 2)
        assert (stage.step()["phase"], stage.step("next").get("phase")) == ("Unknown", None)

    stage = tell(story)
    assert [page.vendor for page in stage.vendors.pages] == ["pagerduty"]


def test_of_two_replicas_one_acts():
    async def story(stage: RunStage) -> None:
        stage.runbook(patch(), {"name": "rest", "wait": {"duration": "5s"}}, call())
        for number in range(3):
            stage.request(f"run-{number}")
        for number in range(3):
            assert (await stage.ended(f"run-{number}"))["phase"] == "Succeeded"
        assert stage.calls == 3

    tell(story, replicas=2)


def test_runs_of_one_runbook_act_one_after_the_other():
    async def story(stage: RunStage) -> None:
        stage.runbook(patch(), {"name": "rest", "wait": {"duration": "1m"}})
        stage.request("run-1")
        stage.request("run-2")
        first, second = await stage.ended("run-1"), await stage.ended("run-2")
        (one, other) = sorted([first, second], key=lambda status: str(status["endedTime"]))
        assert one["endedTime"] <= other["startedTime"]

    tell(story)


def test_what_people_write_meanwhile_is_not_lost():
    async def story(stage: RunStage) -> None:
        stage.runbook({"name": "by-hand", "manual": {"text": "Look."}}, patch())
        stage.request()
        for number in range(8):
            stage.says(approvals={f"user-{number}": {"planHash": "sha256:4f1c0d9be2a7"}})
            await stage.pass_(seconds=0.002)
        stage.says(cancelledBy={"cy": {"reason": "no need"}})
        status = await stage.ended()
        assert (status["phase"], stage.load) == ("Cancelled", "high")

    tell(story)


def test_nothing_starts_while_the_server_is_silent_and_the_run_goes_on_after_it():
    async def story(stage: RunStage) -> None:
        stage.runbook({"name": "rest", "wait": {"duration": "20s"}}, call())
        stage.request()
        await stage.wait("its beginning", lambda: stage.step("rest").get("actedTime"))
        stage.go_down(60)
        await stage.pass_(seconds=59)
        assert stage.calls == 0
        assert (await stage.ended())["phase"] == "Succeeded"
        assert stage.calls == 1

    tell(story)


def test_a_runbook_says_whether_it_can_run():
    async def story(stage: RunStage) -> None:
        stage.runbook(patch(), name="good")
        stage.runbook({**patch(), "if": "nonsense("}, name="bad")

        def ready(name: str) -> list[str]:
            status = stage.server.ask("GET", path_of("Runbook", "shop", name)).get("status", {})
            return [each["status"] for each in status.get("conditions", [])]

        await stage.wait("judgments", lambda: ready("good") and ready("bad"))
        assert (ready("good"), ready("bad")) == (["True"], ["False"])

    tell(story)


def test_a_message_goes_through_a_connection_and_one_that_is_refused_fails_its_step_alone():
    async def story(stage: RunStage) -> None:
        tells = {"connectionRef": {"name": "backup"}, "text": "Checkout is degraded."}
        nowhere = {"connectionRef": {"name": "nobody"}, "text": "Hello."}
        stage.runbook(
            {"name": "tell", "notify": tells},
            {"name": "shout", "notify": nowhere, "onFailure": "Continue"},
            patch(),
        )
        stage.request()
        status = await stage.ended()
        assert (stage.step("tell")["phase"], stage.step("shout")["reason"]) == ("Succeeded", "NotSaid")
        assert (status["phase"], stage.load) == ("Succeeded", "low")

    stage = tell(story)
    assert [arrival.vendor for arrival in stage.vendors.arrived] == ["backup"]


def test_a_person_who_cannot_be_reached_is_asked_again_and_the_run_does_not_end_before():
    async def story(stage: RunStage) -> None:
        def broken(answer: Any) -> Any:
            stage.vendors.refusing |= {"pagerduty", "webhook"}
            raise ConnectionResetError

        stage.break_at("deployer-deploy~1", Fault(answer=broken))
        stage.runbook(call())
        stage.request()
        status = await stage.blocked("OutcomeUnknown")
        await stage.pass_(minutes=5)
        assert (status["phase"], "endedTime" in stage.of_run()) == ("Blocked", False)
        stage.vendors.refusing.clear()
        assert (await stage.ended())["phase"] == "Failed"

    stage = tell(story)
    assert [page.vendor for page in stage.vendors.pages if page.vendor != "deployer"] == ["pagerduty"]


def test_a_runbook_within_a_runbook_is_requested_by_the_account():
    async def story(stage: RunStage) -> None:
        stage.server.rights |= {("create", "runbookruns"), ("get", "runbookruns")}
        stage.runbook(patch(), name="inner")
        stage.runbook({"name": "inner", "runbook": {"runbookRef": {"name": "inner"}}})
        stage.request()
        assert (await stage.ended())["phase"] == "Succeeded"
        inner = stage.step("inner")["handle"]
        assert stage.of_run(inner)["requesters"] == ["system:serviceaccount:shop:incident-responder", "ana"]
        assert stage.load == "low"

    tell(story)


def test_an_incident_that_is_declared_later_is_waited_for():
    async def story(stage: RunStage) -> None:
        stage.runbook(
            {**patch(value="{{ parameters.service }}"), "if": "incident.severity == 'SEV-1'"},
            parameters=[{"name": "service", "type": "String", "from": "incident.title"}],
        )
        stage.request(incidentRef={"name": "cart"})
        await stage.blocked("IncidentNotFound")
        stage.declare("cart")
        assert (await stage.ended())["phase"] == "Succeeded"
        assert stage.load == "Checkout returns 500"

    tell(story)


def test_a_paused_runbook_holds_its_runs_up_until_the_pause_is_gone():
    async def story(stage: RunStage) -> None:
        stage.runbook(patch(), safety={"pauseRequests": ["a release is under way"]})
        stage.request()
        await stage.blocked("Paused")
        path = path_of("Runbook", "shop", "book")
        stage.server.ask("PATCH", path, {"spec": {"safety": {"pauseRequests": None}}})
        assert (await stage.ended())["phase"] == "Succeeded"

    tell(story)


def test_a_suspended_runbook_has_no_run_begin_not_even_as_a_step_of_another_until_it_is_resumed():
    async def story(stage: RunStage) -> None:
        stage.server.rights |= {("create", "runbookruns"), ("get", "runbookruns")}
        stage.runbook(patch(), name="inner", suspend=True)
        stage.runbook({"name": "inner", "runbook": {"runbookRef": {"name": "inner"}}})
        stage.request()
        await stage.wait("the inner run", lambda: bool(stage.step("inner").get("handle")))
        inner = stage.step("inner")["handle"]
        await stage.blocked("RunbookSuspended", inner)
        assert (stage.of_run()["phase"], stage.load) == ("Running", "high")
        stage.server.ask("PATCH", path_of("Runbook", "shop", "inner"), {"spec": {"suspend": False}})
        assert (await stage.ended())["phase"] == "Succeeded"
        assert stage.load == "low"

    tell(story)


def test_what_a_step_did_is_taken_back_where_it_is_not_verified():
    async def story(stage: RunStage) -> None:
        verify = {"within": "10s", "condition": "object.data.load == 'none'"}
        stage.runbook(patch(verify=verify))
        stage.request()
        status = await stage.ended()
        assert (status["phase"], stage.step()["phase"], stage.load) == ("Undone", "Undone", "high")

    tell(story)


def test_what_came_of_a_step_is_recorded_after_an_outage():
    async def story(stage: RunStage) -> None:
        def go_down() -> None:
            if stage.acts and not stage.outages:
                stage.go_down(40)

        stage.server.on_change.append(go_down)
        stage.runbook(patch())
        stage.request()
        status = await stage.ended()
        assert (status["phase"], len(stage.acts), len(stage.outages)) == ("Succeeded", 1, 1)

    tell(story)


def test_a_leader_that_was_frozen_between_claim_and_step_does_nothing_any_more():
    async def story(stage: RunStage) -> None:
        def freeze() -> None:
            if stage.step().get("claim"):
                stage.server.on_change.remove(freeze)
                stage.leader.freeze(200)

        stage.server.on_change.append(freeze)
        stage.runbook(patch())
        stage.request()
        status = await stage.ended()
        await stage.pass_(minutes=5)
        assert (status["stoppedReason"], stage.acts) == ("OutcomeUnknown", [])

    tell(story, replicas=2)


def test_all_runs_are_paused_within_five_seconds_and_go_on_when_that_ends():
    async def story(stage: RunStage) -> None:
        lease = "/apis/coordination.k8s.io/v1/namespaces/watchbill/leases/watchbill"

        def annotate(reason: str | None) -> None:
            note = {"metadata": {"annotations": {"watchbill.dev/pause-runs": reason}}}
            stage.server.ask("PATCH", lease, note)

        stage.runbook({"name": "rest", "wait": {"duration": "20s"}}, patch())
        stage.request()
        await stage.wait("its beginning", lambda: stage.step("rest").get("actedTime"))
        await stage.pass_(seconds=14)
        annotate("a release is under way")
        await stage.pass_(minutes=1)
        status = stage.of_run()
        assert (status["blockedReason"], stage.load) == ("Paused", "high")
        assert status["blockedMessage"] == "all runs are paused: a release is under way"
        annotate(None)
        since = stage.now
        await stage.ended()
        assert (stage.load, stage.now - since < 15) == ("low", True)

    tell(story)


def refusing(stage: RunStage, is_refused: Callable[[Request], bool]) -> list[float]:
    """When the server has refused a status of a run as invalid, which it does where this is so."""
    refusals: list[float] = []
    serve = stage.server._answer

    def answer(request: Request) -> Any:
        is_status = request.method == "PATCH" and request.path.endswith("/runbookruns/run-1/status")
        if is_status and is_refused(request):
            refusals.append(stage.now)
            raise Refusal(422, "Invalid", "status.plan: Invalid value: too long")
        return serve(request)

    stage.server._answer = answer  # type: ignore[method-assign]  # a fault is put before it
    return refusals


def test_a_status_that_is_refused_is_written_without_what_only_people_read():
    async def story(stage: RunStage) -> None:
        refusals = refusing(stage, lambda request: '"diff"' in str(request.body))
        stage.runbook(patch())
        stage.request()
        status = await stage.ended()
        assert (status["phase"], stage.load, len(refusals)) == ("Succeeded", "low", 1)
        assert "diff" not in status["plan"]["steps"][0]

    tell(story)


def test_a_status_that_is_refused_for_good_is_tried_ever_more_rarely_and_nothing_is_done_meanwhile():
    async def story(stage: RunStage) -> None:
        end = stage.now + 600
        refusals = refusing(stage, lambda request: stage.now < end)
        stage.runbook(patch())
        stage.request()
        await stage.pass_(minutes=9)
        assert stage.acts == []
        assert 5 <= len(refusals) <= 12
        waits = [later - earlier for earlier, later in itertools.pairwise(refusals)]
        assert waits[0] < 5
        assert waits[-1] > 100
        assert (await stage.ended())["phase"] == "Succeeded"

    tell(story)


def test_who_was_away_for_longer_than_a_check_may_take_looks_before_anything_is_taken_back():
    """A process is frozen for a minute, which is what the check may take, before it records the step."""
    run = play(plan_of("run-patch@1:runbookruns-status~4.frozen-before"))
    assert isinstance(run.stage, RunStage)
    assert (run.happened, run.stage.of_run()["phase"], run.stage.load) == (1, "Succeeded", "low")
