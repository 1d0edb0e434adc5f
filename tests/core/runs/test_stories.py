"""What becomes of a run, told from its beginning to its end."""

import json
from datetime import timedelta

import pytest

from tests.core.runs.world import T0, TARGET, World, lost, run, runbook, said, scale, world
from watchbill.core.runs import pinning, snapshot
from watchbill.core.runs.effects import ActOn, AskPerson, UndoStep
from watchbill.core.runs.snapshot import content_hash
from watchbill.core.steps.answers import answered
from watchbill.core.steps.contract import ApiRequest, HttpRequest, Message, Request
from watchbill.core.steps.registry import STEP_KINDS

ALONE = {"approval": {"count": 0}}
"""A step that who runs it may start alone."""
SOON = timedelta(minutes=5)


def replicas(of: World) -> int:
    return int(of.things["Deployment", "checkout"]["spec"]["replicas"])


def writes(request: Request) -> bool:
    return not request.is_read


class TestARunThatGoesWell:
    def test_pins_plans_acts_and_ends(self):
        told = world(scale("up", 5, **ALONE)).play(SOON)
        assert told.status.phase == "Succeeded"
        assert replicas(told) == 5
        assert told.status.progress == "1/1"
        assert told.status.snapshot.revision == 3
        assert [each.type for each in told.status.conditions] == [
            "Planned",
            "Blocked",
            "Approved",
            "Succeeded",
            "Ended",
        ]
        assert told.status.plan.steps[0].diff == "spec.replicas: 2 -> 5"
        assert len(told.written) == 1

    def test_takes_its_steps_in_order(self):
        steps = (
            scale("one", 3, **ALONE),
            {"name": "pause", "wait": {"duration": "30s"}},
            scale("two", 4, **ALONE),
        )
        told = world(*steps).play(SOON)
        assert told.status.phase == "Succeeded"
        assert [each.body for each in told.written if isinstance(each, ApiRequest)] == [
            '{"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 3}}',
            '{"metadata": {"resourceVersion": "2"}, "spec": {"replicas": 4}}',
        ]
        ended = {each.name: each.ended_time for each in told.status.steps}
        assert ended["two"] - ended["one"] >= timedelta(seconds=30)

    def test_skips_a_step_whose_condition_is_false(self):
        steps = scale("up", 5, **ALONE, **{"if": "parameters.big"}), scale("down", 1, **ALONE)
        book = {"parameters": [{"name": "big", "type": "Boolean", "default": "false"}]}
        told = world(*steps, book=book).play(SOON)
        assert told.phases() == {"up": "Skipped", "down": "Succeeded"}
        assert (told.status.phase, told.status.progress) == ("Succeeded", "2/2")

    def test_marks_the_incident_and_owes_what_is_for_a_while(self):
        told = world(scale("up", 5, marks="Mitigated", debt={"expiresAfter": "2h"}, **ALONE)).play(SOON)
        assert told.status.marks == "Mitigated"
        (debt,) = told.status.debt
        assert (debt.step, debt.what, debt.owner) == ("up", "scale Deployment checkout", "ana")
        assert debt.expires_time - told.status.started_time == timedelta(hours=2)

    def test_waits_for_the_evidence_and_takes_it_when_it_comes(self):
        verify = {"within": "2m", "condition": "object.status.updatedReplicas == object.spec.replicas"}
        told = world(scale("up", 5, verify=verify, **ALONE)).play(timedelta(seconds=30))
        assert told.status.phase == "Verifying"
        told.things["Deployment", "checkout"]["status"]["updatedReplicas"] = 5
        assert told.play(timedelta(seconds=30)).status.phase == "Succeeded"

    def test_waits_for_a_person_and_names_who_did_it(self):
        told = world({"name": "look", "manual": {"text": "Look at the dashboard."}}).play(SOON)
        assert told.status.phase == "Running"
        told.says(manualDone={"cy": {"steps": ["look"]}})
        assert told.play().status.phase == "Succeeded"
        assert told.status.steps[0].output == "done by cy"

    def test_asks_again_until_a_check_holds(self):
        check = {"targetRef": TARGET, "condition": "object.spec.replicas > 2", "within": "1m"}
        told = world({"name": "enough", "check": check}).play(timedelta(seconds=20))
        assert told.phases() == {"enough": "Following"}
        told.things["Deployment", "checkout"]["spec"]["replicas"] = 3
        assert told.play(timedelta(seconds=10)).status.phase == "Succeeded"

    def test_says_things_and_is_not_held_up_by_who_cannot_hear(self):
        told = world({"name": "say", "notify": {"text": "Hello.", "connectionRef": {"name": "chat"}}})
        told.fault = lambda request: lost(request) if isinstance(request, Message) else None
        assert told.play(SOON).status.phase == "Succeeded"
        assert told.status.steps[0].output == "it may not have arrived"

    def test_follows_a_job_to_its_end(self):
        told = world({"name": "drain", "job": {"image": "busybox", "command": ["true"]}, **ALONE}).play()
        (key,) = [each for each in told.things if each[0] == "Job"]
        assert told.phases() == {"drain": "Following"}
        told.things[key]["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
        assert told.play(SOON).status.phase == "Succeeded"
        pod = told.things[key]["spec"]["template"]["spec"]
        assert (pod["serviceAccountName"], pod["restartPolicy"]) == ("incident-responder", "Never")


class TestADryRun:
    def test_shows_the_plan_and_changes_nothing(self):
        told = world(scale("up", 5), dryRun=True).play(SOON)
        assert told.status.phase == "Succeeded"
        assert told.status.plan.steps[0].diff == "spec.replicas: 2 -> 5"
        assert told.written == []
        assert told.status.lock is None

    def test_shows_every_refusal(self):
        told = world(scale("up", 5), scale("down", 1), dryRun=True)
        told.fault = lambda r: answered(r, 403, said("forbidden: may not patch")) if r.is_read else None
        told.play(SOON)
        assert told.status.phase == "Failed"
        assert [each.denied for each in told.status.plan.steps] == ["forbidden: may not patch"] * 2
        assert told.written == []


class TestApprovals:
    def test_of_somebody_else_let_a_step_of_high_risk_start(self):
        told = world(scale("up", 5)).play(SOON)
        assert (told.status.phase, told.written) == ("AwaitingApproval", [])
        told.approve("bo")
        assert told.play(SOON).status.phase == "Succeeded"
        assert told.status.steps[0].approved_by == ("bo",)

    def test_of_the_requester_do_not_count(self):
        told = world(scale("up", 5)).play(SOON)
        told.approve("ana")
        assert told.play(SOON).status.phase == "AwaitingApproval"

    @pytest.mark.parametrize("user", ["Ana", "ANA", "\uff41na", "system:serviceaccount:shop:bot"])
    def test_is_nobodys_who_may_be_the_requester_under_another_name(self, user):
        told = world(scale("up", 5)).play()
        told.approve(user)
        told.play(SOON)
        assert told.written == []

    def test_of_one_person_in_two_spellings_is_one(self):
        told = world(scale("up", 5, approval={"count": 2})).play()
        told.approve("bo")
        told.approve("Bo")
        told.play(SOON)
        assert told.written == []

    def test_of_who_requested_the_run_above_do_not_count_either(self):
        above = world(scale("up", 5)).play()
        told = world(scale("up", 5), parentRef={"name": "run-1"}, requestedBy="system:serviceaccount:shop:a")
        told.parent = above.run
        told.play(SOON).approve("ana")
        assert told.play(SOON).status.phase == "AwaitingApproval"
        told.approve("bo")
        assert told.play(SOON).status.phase == "Succeeded"

    def test_of_another_plan_do_not_count(self):
        told = world(scale("up", 5)).play()
        told.says(approvals={"bo": {"planHash": "sha256:4f1c0d9be2a7"}})
        assert told.play(SOON).status.phase == "AwaitingApproval"

    def test_lapse_when_the_plan_changes(self):
        told = world(scale("up", 5)).play()
        told.approve("bo")
        old = told.status.plan.hash
        told.things["Deployment", "checkout"]["spec"]["replicas"] = 4
        told.play(timedelta(minutes=1))
        assert (told.status.phase, told.written) == ("AwaitingApproval", [])
        assert told.status.plan.hash != old
        assert told.status.plan.steps[0].diff == "spec.replicas: 4 -> 5"
        assert "PlanChanged" in [each.reason for each in told.events]
        told.approve("bo")
        assert told.play(SOON).status.phase == "Succeeded"

    def test_are_counted(self):
        told = world(scale("up", 5, approval={"count": 2})).play()
        told.approve("bo")
        assert told.play(SOON).status.phase == "AwaitingApproval"
        told.approve("cy")
        assert told.play(SOON).status.phase == "Succeeded"

    def test_can_be_of_some_steps_alone(self):
        told = world(scale("one", 5), scale("two", 3)).play()
        told.approve("bo", steps=["one"])
        told.play(SOON)
        assert told.phases() == {"one": "Succeeded", "two": "Pending"}
        assert told.status.phase == "AwaitingApproval"

    def test_can_be_taken_back(self):
        told = world(scale("up", 5, approval={"count": 2})).play()
        told.approve("bo")
        told.play()
        told.says(approvals={})
        told.play()
        told.approve("cy")
        assert told.play(SOON).status.phase == "AwaitingApproval"

    def test_that_do_not_come_in_time_call_the_run_off(self):
        told = world(scale("up", 5, approval={"expiresAfter": "5m"})).play(timedelta(minutes=6))
        assert (told.status.phase, told.status.stopped_reason) == ("Cancelled", "ApprovalExpired")
        assert told.written == []

    def test_grow_old(self):
        told = world(scale("up", 5, approval={"expiresAfter": "5m"}))
        told.pause = "maintenance"
        told.play()
        told.approve("bo")
        told.play(timedelta(minutes=6))
        told.pause = ""
        assert told.play(timedelta(minutes=1)).written == []
        assert told.status.phase == "AwaitingApproval"

    def test_that_reject_call_the_run_off(self):
        told = world(scale("up", 5)).play()
        told.approve("bo", decision="Rejected")
        assert told.play().status.phase == "Cancelled"
        assert told.status.stopped_message == "bo rejected the plan"

    def test_are_needed_where_the_operator_itself_requested_the_run(self):
        told = world(scale("up", 5, **ALONE), requestedBy="system:serviceaccount:watchbill:watchbill")
        assert told.play(SOON).status.blocked_reason == "NeedsPerson"
        assert told.written == []


class TestWhatNobodyCanTell:
    def test_stops_the_run_and_asks_a_person(self):
        told = world(scale("up", 5, onFailure="Undo", **ALONE), scale("down", 1, **ALONE))
        told.fault = lambda request: lost(request) if writes(request) else None
        told.play(SOON)
        assert told.status.phase == "Failed"
        assert told.phases() == {"up": "Unknown", "down": "Pending"}
        assert told.status.stopped_reason == "OutcomeUnknown"
        assert isinstance(told.effects[-1], AskPerson)
        assert len(told.written) == 1

    def test_is_owed_as_what_was_surely_changed_for_a_while(self):
        told = world(scale("up", 5, **ALONE))
        told.fault = lambda request: lost(request) if writes(request) else None
        told.play(SOON)
        (debt,) = told.status.debt
        assert (debt.step, debt.what, debt.owner) == ("up", "scale Deployment checkout", "ana")

    def test_is_not_over_before_a_person_was_reached(self):
        told = world(scale("up", 5, **ALONE))
        told.fault = lambda request: lost(request) if writes(request) else None
        told.reach = False
        told.play(timedelta(minutes=1))
        assert (told.status.phase, told.status.blocked_reason) == ("Blocked", "OutcomeUnknown")
        told.reach = True
        assert told.play(SOON).status.phase == "Failed"

    def test_is_also_what_a_process_was_doing_that_is_gone(self):
        told = world(scale("up", 5, **ALONE))
        told.dies_before = ActOn
        told.play(SOON)
        assert told.phases() == {"up": "Acting"}
        told.dies_before = None
        told.holder, told.claims = "other", {"u-run-1/up": told.now}
        told.play(timedelta(seconds=59))
        assert told.phases() == {"up": "Acting"}
        assert told.play(SOON).phases() == {"up": "Unknown"}
        assert told.status.phase == "Failed"
        assert told.written == []

    def test_of_a_taking_back_leaves_the_rest_as_it_is(self):
        steps = (
            scale("one", 3, **ALONE),
            scale("two", 4, **ALONE),
            scale("three", 9, onFailure="Undo", **ALONE),
        )
        told = world(*steps)

        def fault(request: Request):
            if isinstance(request, ApiRequest) and writes(request) and '"replicas": 9' in request.body:
                return answered(request, 422, said("too many"))
            is_undo = len([each for each in told.asked if writes(each)]) > 3
            return lost(request) if writes(request) and is_undo else None

        told.fault = fault
        told.play(SOON)
        assert told.phases() == {"one": "Succeeded", "two": "Unknown", "three": "Failed"}
        assert told.status.phase == "Failed"
        assert told.status.stopped_reason == "OutcomeUnknown"


class TestAStepThatFails:
    def refused(self, **more: object) -> World:
        told = world(scale("one", 3, **ALONE), scale("two", 9, **ALONE, **more), scale("three", 4, **ALONE))
        told.fault = lambda request: (
            answered(request, 422, said("too many")) if writes(request) and "9" in request.body else None  # type: ignore[union-attr] # an ApiRequest
        )
        return told.play(SOON)

    def test_stops_the_run(self):
        told = self.refused()
        assert told.phases() == {"one": "Succeeded", "two": "Failed", "three": "Pending"}
        assert (told.status.phase, told.status.stopped_reason) == ("Failed", "StepFailed")
        assert "too many" in told.status.stopped_message

    def test_is_passed_over_where_the_runbook_says_so(self):
        told = self.refused(onFailure="Continue")
        assert told.phases() == {"one": "Succeeded", "two": "Failed", "three": "Succeeded"}
        assert told.status.phase == "Succeeded"

    def test_has_all_before_it_taken_back_where_the_runbook_says_so(self):
        told = self.refused(onFailure="Undo")
        assert told.phases() == {"one": "Undone", "two": "Failed", "three": "Pending"}
        assert told.status.phase == "Undone"
        assert replicas(told) == 2
        assert told.status.debt == ()

    def test_is_tried_again_where_it_surely_did_nothing(self):
        told = world(scale("up", 5, retry={"limit": 2, "backoff": "10s"}, **ALONE))
        tries = iter([429, 429])

        def fault(request: Request):
            status = next(tries, None) if writes(request) else None
            return answered(request, status, said("slow down")) if status else None

        told.fault = fault
        assert told.play(SOON).status.phase == "Succeeded"
        assert told.status.steps[0].attempts == 3

    def test_is_not_tried_again_where_the_runbook_does_not_say_so(self):
        told = world(scale("up", 5, **ALONE))
        told.fault = lambda request: answered(request, 429, said("slow down")) if writes(request) else None
        assert told.play(SOON).status.phase == "Failed"
        assert len(told.written) == 1

    def test_fails_for_taking_too_long(self):
        told = world({"name": "drain", "job": {"image": "busybox"}, "timeout": "1m", **ALONE}).play(SOON)
        assert told.phases() == {"drain": "Failed"}
        assert told.status.steps[0].reason == "Timeout"

    def test_fails_where_a_check_is_not_so_at_once(self):
        check = {"targetRef": TARGET, "condition": "object.spec.replicas > 2"}
        told = world({"name": "enough", "check": check}).play(SOON)
        assert told.phases() == {"enough": "Failed"}
        assert told.status.steps[0].message == "not so: object.spec.replicas > 2"


VERIFY = {"within": "30s", "condition": "object.status.updatedReplicas == object.spec.replicas"}


class TestAStepThatIsNotVerified:
    @pytest.mark.feature("F48")
    def test_is_taken_back_and_the_run_ends_undone(self):
        told = world(scale("up", 5, verify=VERIFY, marks="Mitigated", **ALONE)).play(SOON)
        assert told.status.phase == "Undone"
        assert told.phases() == {"up": "Undone"}
        assert replicas(told) == 2
        assert (told.status.marks, told.status.debt) == ("", ())

    def test_is_taken_back_as_the_runbook_says(self):
        undo = {"http": {"url": "https://example.com/undo", "method": "POST"}}
        told = world(scale("up", 5, verify=VERIFY, undo=undo, **ALONE)).play(SOON)
        assert told.status.phase == "Undone"
        assert [each.url for each in told.written if isinstance(each, HttpRequest)] == [
            "https://example.com/undo"
        ]
        assert replicas(told) == 5

    def test_is_left_as_it_is_where_somebody_changed_it_since(self):
        told = world(scale("up", 5, verify=VERIFY, **ALONE)).play(timedelta(seconds=20))
        told.things["Deployment", "checkout"]["spec"]["replicas"] = 7
        told.play(SOON)
        assert replicas(told) == 7
        assert told.phases() == {"up": "UndoFailed"}
        assert (told.status.phase, told.status.stopped_reason) == ("Failed", "UndoFailed")
        assert isinstance(told.effects[-1], AskPerson)

    def test_has_all_before_it_taken_back_in_reverse_order(self):
        steps = (
            scale("one", 3, **ALONE),
            scale("two", 4, **ALONE),
            scale("three", 5, verify=VERIFY, onFailure="Undo", **ALONE),
        )
        told = world(*steps).play(SOON)
        assert [each.step for each in told.effects if isinstance(each, UndoStep)] == ["three", "two", "one"]
        assert (told.status.phase, replicas(told)) == ("Undone", 2)


class TestAPerson:
    def test_calls_a_run_off(self):
        told = world(scale("up", 5)).play()
        told.says(cancelledBy={"cy": {"reason": "not now"}})
        assert told.play().status.phase == "Cancelled"
        assert told.status.stopped_message == "cy called it off: not now"
        assert told.written == []

    def test_who_calls_a_run_off_lets_what_is_under_way_end(self):
        told = world({"name": "drain", "job": {"image": "busybox"}, **ALONE}, scale("up", 5, **ALONE)).play()
        told.says(cancelledBy={"cy": {}})
        assert told.play().phases()["drain"] == "Following"
        (key,) = [each for each in told.things if each[0] == "Job"]
        told.things[key]["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
        assert told.play(SOON).status.phase == "Cancelled"
        assert told.phases() == {"drain": "Succeeded", "up": "Pending"}


class TestARunIsBlocked:
    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({}, "spec.parameters.size: must be given: it has no default"),
            ({"size": "many"}, "spec.parameters.size: must be an integer"),
            ({"size": "12"}, "spec.parameters.size: must be at most 9"),
            ({"size": "3", "more": "1"}, "spec.parameters.more: the runbook has no such parameter"),
        ],
    )
    def test_by_its_parameters_with_the_path(self, given, message):
        book = {"parameters": [{"name": "size", "type": "Integer", "min": 0, "max": 9}]}
        told = world(scale("up", 5), book=book, parameters=given).play()
        assert (told.status.phase, told.status.blocked_reason) == ("Blocked", "InvalidParameters")
        assert told.status.blocked_message == message
        assert told.status.snapshot is None

    def test_by_a_runbook_that_is_not_there_and_goes_on_when_it_is(self):
        told = world(scale("up", 5, **ALONE))
        book, told.book = told.book, None
        assert told.play().status.blocked_reason == "RunbookNotFound"
        told.book = book
        assert told.play(SOON).status.phase == "Succeeded"

    def test_by_a_step_that_nobody_here_knows(self, monkeypatch: pytest.MonkeyPatch):
        known = {name: kind for name, kind in STEP_KINDS.items() if name != "rollback"}
        monkeypatch.setattr(pinning, "STEP_KINDS", known)
        told = world({"name": "back", "rollback": {"targetRef": TARGET}}).play()
        assert told.status.blocked_reason == "InvalidStep"
        assert told.status.blocked_message.endswith(
            "spec.steps[back].rollback: this operator knows no such kind"
        )

    def test_by_what_its_account_may_not_do_until_it_may(self):
        told = world(scale("up", 5, **ALONE))
        told.fault = lambda r: answered(r, 403, said("may not")) if isinstance(r, ApiRequest) else None
        told.play(timedelta(minutes=1))
        assert (told.status.blocked_reason, told.written) == ("Denied", [])
        told.fault = lambda request: None
        assert told.play(SOON).status.phase == "Succeeded"

    def test_and_ends_when_it_was_so_for_too_long(self):
        told = world(scale("up", 5), parameters={"size": "1"}).play(timedelta(hours=2))
        assert (told.status.phase, told.status.stopped_reason) == ("Failed", "TimedOut")
        assert "the runbook has no such parameter" in told.status.stopped_message

    def test_by_a_pause_and_goes_on_after_it(self):
        told = world(scale("one", 3, **ALONE), scale("two", 4, **ALONE))
        told.pause = "a change freeze"
        told.play(SOON)
        assert (told.status.blocked_reason, told.written) == ("Paused", [])
        told.pause = ""
        assert told.play(SOON).status.phase == "Succeeded"

    def test_by_a_pause_of_its_runbook(self):
        told = world(scale("up", 5, **ALONE), book={"safety": {"pauseRequests": ["it broke checkout"]}})
        told.play(SOON)
        assert told.status.blocked_message == "the runbook is paused: it broke checkout"


@pytest.mark.convention(45)
class TestASuspendedRunbook:
    def test_has_no_run_begin_before_it_is_resumed(self):
        told = world(scale("up", 5, **ALONE), book={"suspend": True}).play(timedelta(minutes=30))
        assert (told.status.phase, told.status.blocked_reason) == ("Blocked", "RunbookSuspended")
        assert told.status.blocked_message == (
            "the runbook is suspended: no run of it begins; to resume it: kubectl -n shop patch runbook book "
            "--type=merge -p 'spec: {suspend: false}'"
        )
        assert (told.asked, told.status.snapshot) == ([], None)
        told.book = runbook(scale("up", 5, **ALONE), suspend=False)
        assert told.play(SOON).status.phase == "Succeeded"

    def test_holds_up_what_was_approved_and_has_not_begun(self):
        told = world(scale("up", 5)).play(timedelta(minutes=1))
        told.book = runbook(scale("up", 5), suspend=True)
        told.approve()
        told.play(SOON)
        assert (told.status.blocked_reason, told.written) == ("RunbookSuspended", [])
        told.book = runbook(scale("up", 5))
        assert told.play(SOON).status.phase == "Succeeded"

    def test_lets_what_has_begun_go_on(self):
        steps = {"name": "one", "wait": {"duration": "1s"}}, scale("two", 4)
        told = world(*steps).play(timedelta(minutes=1))
        assert told.phases() == {"one": "Succeeded", "two": "Pending"}
        told.book = runbook(*steps, suspend=True)
        told.approve()
        assert told.play(SOON).status.phase == "Succeeded"

    def test_still_shows_what_a_run_would_do(self):
        told = world(scale("up", 5, **ALONE), book={"suspend": True}, dryRun=True).play(SOON)
        assert (told.status.phase, told.status.plan.steps[0].name, told.written) == ("Succeeded", "up", [])

    def test_has_the_hash_that_it_has_when_it_is_resumed(self):
        books = [runbook(scale("up", 5), **said) for said in ({}, {"suspend": False}, {"suspend": True})]
        assert len({snapshot.pinned(book).hash for book in books}) == 1


class TestASecret:
    def test_is_shown_nowhere(self):
        book = {"parameters": [{"name": "token", "secret": True}]}
        step = {"name": "call", "http": {"url": "https://example.com/{{ parameters.token }}"}, **ALONE}
        told = world(step, book=book, parameters={"token": "opensesame"}).play(SOON)
        assert told.status.phase == "Succeeded"
        assert told.written[0].url == "https://example.com/opensesame"  # type: ignore[union-attr] # an HttpRequest
        assert "opensesame" not in json.dumps(told.status.to_json())
        assert "opensesame" not in str(told.events)

    def test_is_kept_in_no_undo(self):
        book = {"parameters": [{"name": "token", "secret": True}]}
        patch = {"type": "Merge", "patch": "spec: {token: '{{ parameters.token }}'}"}
        step = {"name": "set", "kubernetes": {"targetRef": TARGET, "patch": patch}, **ALONE}
        told = world(step, book=book, parameters={"token": "opensesame"}).play(SOON)
        assert told.things["Deployment", "checkout"]["spec"]["token"] == "opensesame"
        assert "opensesame" not in json.dumps(told.status.to_json())


def test_a_run_that_has_ended_stays_as_it_is_whatever_happens():
    told = world(scale("up", 5, **ALONE)).play(SOON)
    ended = told.status
    told.says(cancelledBy={"cy": {}}, approvals={"bo": {"planHash": ended.plan.hash}})
    told.pause, told.book = "all of it", None
    told.now += timedelta(days=1)
    assert told.decide().effects == ()
    assert told.status is not None
    assert told.status == ended


def test_the_runbook_may_change_meanwhile_and_the_run_does_not():
    told = world(scale("up", 5)).play()
    before = told.status.snapshot
    other = world(scale("up", 50)).book
    told.book = other
    told.approve("bo")
    told.play(SOON)
    assert told.status.snapshot == before
    assert replicas(told) == 5


def pinned_anew(told: World, content: str, hash_: str = "") -> None:
    """Somebody else writes another snapshot into the status."""
    found = told.status.snapshot.model_copy(
        update={"content": content, "hash": hash_ or content_hash(content)}
    )
    told.run = told.run.model_copy(update={"status": told.status.model_copy(update={"snapshot": found})})


@pytest.mark.parametrize(
    ("change", "keeps_hash", "message"),
    [
        (('"replicas":5', '"replicas":500'), True, "is not what was pinned"),
        (('"kubernetes":', '"teleport":'), False, "step up is of a kind that only a newer operator knows"),
        (('"risk":"Low"', '"risk":"Cosmic"'), False, "was pinned by a newer operator"),
        (("incident-responder", "stronger"), False, "is not what was pinned"),
    ],
)
def test_a_snapshot_that_cannot_be_gone_by_holds_the_run_up(change, keeps_hash, message):
    told = world(scale("up", 5, risk="Low", approval={"count": 1})).play()
    old = told.status.snapshot
    pinned_anew(told, old.content.replace(*change), old.hash if keeps_hash else "")
    told.approve("bo")
    told.play(SOON)
    assert (told.status.phase, told.status.blocked_reason) == ("Blocked", "Unreadable")
    assert message in told.status.blocked_message
    assert told.written == []


def test_a_run_begins_at_its_creation():
    assert run().metadata.creation_timestamp == T0
