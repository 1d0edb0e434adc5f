"""Changes of one Kubernetes object: foretold, made once, and taken back if nobody changed it since."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.core.steps.driving import RUN, TARGET, drive, refused, step
from watchbill.core.outcomes import Result
from watchbill.core.steps.contract import ApiRequest
from watchbill.core.steps.kubernetes import KubernetesKind
from watchbill.core.steps.reversing import kept, read, reversal

KIND = KubernetesKind()
BEFORE: dict[str, Any] = {
    "kind": "Deployment",
    "metadata": {"name": "checkout", "uid": "d-1", "resourceVersion": "7"},
    "spec": {"replicas": 2, "paused": False},
    "status": {"availableReplicas": 1},
}
AFTER = {
    **BEFORE,
    "metadata": {**BEFORE["metadata"], "resourceVersion": "8"},
    "spec": {"replicas": 2, "paused": True},
}
PATCH = step(
    kubernetes={"targetRef": TARGET, "patch": {"type": "Merge", "patch": '{"spec": {"paused": true}}'}}
)


def planned(body=PATCH, run=RUN, *answers):
    return drive(KIND.plan(body, run), *(answers or ((200, BEFORE), (200, AFTER))))


def on(**action):
    return step(kubernetes={"targetRef": TARGET, **action})


class TestThePlan:
    def test_is_a_dry_run_on_the_object_as_it_is(self):
        plan, asked = planned()
        assert [(each.verb, each.dry_run) for each in asked] == [("get", False), ("patch", True)]
        assert all(each.is_read for each in asked)
        assert (plan.summary, plan.diff) == ("patch Deployment checkout", ("spec.paused: false -> true",))

    def test_has_the_same_hash_for_another_version_of_the_object_and_the_same_change(self):
        other = {**BEFORE, "metadata": {**BEFORE["metadata"], "resourceVersion": "70"}, "status": {}}
        assert planned()[0].hash == planned(PATCH, RUN, (200, other), (200, AFTER))[0].hash

    def test_has_another_hash_for_another_change(self):
        other = {**AFTER, "spec": {"replicas": 3, "paused": True}}
        assert planned()[0].hash != planned(PATCH, RUN, (200, BEFORE), (200, other))[0].hash

    @pytest.mark.parametrize(("status", "forbidden"), [(403, True), (422, False), (404, False)])
    def test_tells_what_refuses_it(self, status, forbidden):
        plan, _ = planned(PATCH, RUN, (200, BEFORE), (status, refused("no")))
        assert (plan.denied, plan.forbidden, plan.requests) == ("no", forbidden, ())

    def test_goes_to_no_other_namespace_unless_the_runbook_says_so(self):
        body = step(kubernetes={"targetRef": {**TARGET, "namespace": "other"}, "restart": {}})
        plan, asked = drive(KIND.plan(body, RUN))
        assert (plan.denied, asked) == ("namespace other is not in spec.scope.namespaces of the runbook", [])
        plan, asked = drive(
            KIND.plan(body, replace(RUN, namespaces=("other",))), (200, BEFORE), (200, BEFORE)
        )
        assert {each.namespace for each in asked} == {"other"}

    def test_of_a_manifest_goes_to_no_other_namespace_either(self):
        manifest = json.dumps(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "b"}}
        )
        plan, _ = drive(KIND.plan(step(kubernetes={"apply": {"manifest": manifest}}), RUN))
        assert plan.denied.startswith("namespace b is not in")

    @pytest.mark.parametrize("manifest", ["[]", "{}", '"a"', '{"metadata": {"name": 3}}'])
    def test_of_a_manifest_that_is_no_object_says_so(self, manifest):
        plan, _ = drive(KIND.plan(step(kubernetes={"apply": {"manifest": manifest}}), RUN))
        assert plan.denied.startswith("the manifest must be one object")

    def test_leaves_alone_what_has_not_the_label(self):
        plan, _ = planned(PATCH, replace(RUN, selector="runbooks=allowed"), (200, BEFORE))
        assert "has not the label runbooks=allowed" in plan.denied

    @pytest.mark.parametrize(("least", "fits"), [("1", True), ("2", False), ("50%", True), ("51%", False)])
    def test_leaves_alone_what_is_hardly_available(self, least, fits):
        answers = ((200, BEFORE), (200, AFTER)) if fits else ((200, BEFORE),)
        plan, _ = planned(PATCH, replace(RUN, min_available=least), *answers)
        assert bool(plan.denied) is not fits

    def test_of_another_number_of_replicas_asks_for_the_scale_alone(self):
        scale = {"kind": "Scale", "metadata": {"resourceVersion": "7"}, "spec": {"replicas": 2}}
        plan, asked = drive(
            KIND.plan(on(scale={"replicasParameter": "size"}), replace(RUN, parameters={"size": 5})),
            (200, scale),
            (200, {**scale, "spec": {"replicas": 5}}),
        )
        assert {each.subresource for each in asked} == {"scale"}
        assert plan.diff == ("spec.replicas: 2 -> 5",)
        assert plan.debt == "scale Deployment checkout"

    @pytest.mark.parametrize("value", ["5", True, -1, None])
    def test_of_what_is_no_number_of_replicas_says_so(self, value):
        scale = {"kind": "Scale", "metadata": {}, "spec": {"replicas": 2}}
        run = replace(RUN, parameters={} if value is None else {"size": value})
        plan, _ = drive(KIND.plan(on(scale={"replicasParameter": "size"}), run), (200, scale))
        assert plan.denied == "replicasParameter must name an Integer parameter of 0 or more"

    def test_shows_no_value_of_a_secret_and_keeps_none(self):
        before = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "b2xk"}}
        body = step(
            kubernetes={
                "targetRef": {"apiVersion": "v1", "kind": "Secret", "name": "s"},
                "patch": {"patch": '{"data": {"k": "bmV3"}}'},
            }
        )
        plan, _ = drive(KIND.plan(body, RUN), (200, before), (200, {**before, "data": {"k": "bmV3"}}))
        assert plan.diff == ("data.k: *** -> ***",)
        assert plan.reversals == ()


class TestTheChange:
    def test_is_refused_by_the_server_for_another_version(self):
        plan, _ = planned()
        result, (request,) = drive(KIND.act(PATCH, RUN, plan), (409, refused("modified")))
        assert json.loads(request.body)["metadata"] == {"resourceVersion": "7"}
        assert result.result == Result.CONFLICT

    def test_by_a_json_patch_is_refused_for_another_version_too(self):
        operation = {"op": "replace", "path": "/spec/paused", "value": True}
        body = on(patch={"type": "JSON", "patch": json.dumps([operation])})
        plan, _ = drive(KIND.plan(body, RUN), (200, BEFORE), (200, AFTER))
        _, (request,) = drive(KIND.act(body, RUN, plan), (409, refused("modified")))
        fence = {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}
        assert json.loads(request.body) == [fence, operation]

    @pytest.mark.parametrize(
        ("answer", "result"),
        [
            ((200, AFTER), Result.OK),
            ((403, None), Result.AUTH),
            ((422, None), Result.PERMANENT),
            ((429, None), Result.RETRY),
            ((500, None), Result.UNKNOWN),
            ((504, None), Result.UNKNOWN),
            (None, Result.UNKNOWN),
        ],
    )
    def test_is_known_by_its_answer(self, answer, result):
        found, _ = drive(KIND.act(PATCH, RUN, planned()[0]), answer)
        assert found.result == result

    @pytest.mark.parametrize(
        ("action", "verb", "body"),
        [
            ({"delete": {}}, "delete", {"propagationPolicy": "Background", "preconditions": {"uid": "d-1"}}),
            (
                {"restart": {}},
                "patch",
                {"spec": {"template": {"metadata": {"annotations": {"watchbill.dev/restarted-by": "u-1"}}}}},
            ),
            ({"cordon": {}}, "patch", {"spec": {"unschedulable": True}}),
            ({"uncordon": {}}, "patch", {"spec": {"unschedulable": None}}),
        ],
    )
    def test_is_one_request(self, action, verb, body):
        plan, _ = planned(on(**action))
        (request,) = plan.requests
        assert (request.verb, json.loads(request.body)) == (verb, body)


class TestTakingBack:
    def undo(self):
        return kept(planned()[0].reversals)

    def test_restores_what_was_there(self):
        result, asked = drive(reversal(self.undo()), (200, AFTER), (200, BEFORE))
        assert result.result == Result.OK
        assert json.loads(asked[1].body) == {"spec": {"paused": False}}

    def test_leaves_alone_what_somebody_changed_since(self):
        result, asked = drive(reversal(self.undo()), (200, BEFORE))
        assert (result.result, result.reason) == (Result.PERMANENT, "ChangedSince")
        assert [each.verb for each in asked] == ["get"]

    def test_makes_again_what_was_deleted(self):
        plan, _ = planned(on(delete={}))
        (back,) = read(kept(plan.reversals))
        assert back.request.verb == "create"
        assert json.loads(back.request.body) == {
            "kind": "Deployment",
            "metadata": {"name": "checkout"},
            "spec": BEFORE["spec"],
        }

    def test_removes_what_was_not_there(self):
        manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
        body = step(kubernetes={"apply": {"manifest": json.dumps(manifest)}})
        plan, _ = drive(KIND.plan(body, RUN), (404, refused("not found")), (201, manifest))
        assert [each.request.verb for each in plan.reversals] == ["delete"]

    def test_of_a_restart_is_nothing(self):
        assert planned(on(restart={}))[0].reversals == ()

    def test_that_is_too_long_to_keep_is_not_kept(self):
        long = {**BEFORE, "spec": {"note": "x" * 5000}}
        plan, _ = planned(on(delete={}), RUN, (200, long), (200, {}))
        assert kept(plan.reversals) == ""

    def test_may_be_tried_again_where_it_surely_did_nothing(self):
        result, _ = drive(reversal(self.undo()), (200, AFTER), (409, None))
        assert result.result == Result.CONFLICT

    def test_is_unknown_where_there_is_no_answer(self):
        result, _ = drive(reversal(self.undo()), (200, AFTER), None)
        assert result.result == Result.UNKNOWN


def test_a_look_is_no_change():
    assert ApiRequest("get", "v1", "Pod", "shop").is_read
    assert ApiRequest("patch", "v1", "Pod", "shop", dry_run=True).is_read
    assert not ApiRequest("delete", "v1", "Pod", "shop").is_read
