"""Rolling a workload back: to its own revision before, once, and taken back if nobody changed it since."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.core.steps.driving import RUN, TARGET, drive, refused, step
from watchbill.api.runbook_run_status import MAX_UNDO
from watchbill.core.outcomes import Result
from watchbill.core.steps.reversing import kept, reversal
from watchbill.core.steps.revisions import labels_of
from watchbill.core.steps.rollback import RollbackKind

KIND = RollbackKind()
STEP = step(rollback={"targetRef": TARGET})
Json = dict[str, Any]


def template(image: str, **labels: str) -> Json:
    containers = [{"name": "log", "image": "log:1"}, {"name": "web", "image": image}]
    return {"metadata": {"labels": {"app": "checkout", **labels}}, "spec": {"containers": containers}}


def workload(image: str = "web:3", kind: str = "Deployment", **spec: Any) -> Json:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {
            "name": "checkout",
            "namespace": "shop",
            "uid": "d-1",
            "resourceVersion": "70",
            "generation": 3,
            "annotations": {"deployment.kubernetes.io/revision": "3"},
        },
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "checkout"}},
            "template": template(image),
            **spec,
        },
        "status": {"observedGeneration": 3},
    }


def owned(name: str, uid: str = "d-1", controller: bool = True, **more: Any) -> Json:
    return {
        "metadata": {"name": name, "ownerReferences": [{"uid": uid, "controller": controller}], **more},
    }


def replica_set(number: int, uid: str = "d-1", cause: str = "", name: str = "", **more: Any) -> Json:
    annotations = {"deployment.kubernetes.io/revision": str(number)}
    if cause:
        annotations["kubernetes.io/change-cause"] = cause
    body = template(f"web:{number}", **{"pod-template-hash": f"h{number}"})
    return owned(name or f"checkout-h{number}", uid, annotations=annotations, **more) | {
        "spec": {"template": body}
    }


def controller_revision(number: int, image: str) -> Json:
    data = {"spec": {"template": {**template(image), "$patch": "replace"}}}
    return owned(f"checkout-{number}") | {"revision": number, "data": data}


SETS = [replica_set(3), replica_set(1), replica_set(2)]


def planned(
    *items: Json, found: Json | None = None, after: Json | None = None, body: Any = STEP
) -> tuple[Any, list[Any]]:
    """The plan for a workload with these revisions, and what was asked."""
    answers = [(200, found or workload()), (200, {"items": list(items)})]
    return drive(KIND.plan(body, RUN), *answers, *([(200, after)] if after else []))


def plan_of(image: str = "web:2", **more: Any) -> Any:
    return planned(*SETS, after=workload(image), **more)[0]


class TestThePlan:
    def test_is_the_template_of_the_revision_before_without_its_hash(self):
        plan, asked = planned(*SETS, after=workload("web:2"))
        assert plan.summary == "roll back Deployment checkout to revision 2"
        assert plan.diff == ('spec.template.spec.containers[1].image: "web:3" -> "web:2"',)
        assert [(each.verb, each.kind, each.dry_run) for each in asked] == [
            ("get", "Deployment", False),
            ("list", "ReplicaSet", False),
            ("patch", "Deployment", True),
        ]
        assert asked[1].selector == "app=checkout"
        (write,) = plan.requests
        assert write.content == "strategic"
        assert json.loads(write.body) == {"spec": {"template": {**template("web:2"), "$patch": "replace"}}}

    def test_is_of_the_revision_that_is_named(self):
        body = step(rollback={"targetRef": TARGET, "toRevision": 1})
        plan, _ = planned(*SETS, after=workload("web:1"), body=body)
        assert plan.summary == "roll back Deployment checkout to revision 1"
        assert "web:1" in plan.requests[0].body

    def test_knows_no_revision_but_the_workloads_own(self):
        others = [
            replica_set(2, uid="d-9", name="old-owner"),
            replica_set(2, name="no-controller") | {"metadata": owned("x", controller=False)["metadata"]},
            owned("not-numbered") | {"spec": {"template": template("web:2")}},
        ]
        plan, _ = planned(replica_set(3), replica_set(1), *others, after=workload("web:1"))
        assert plan.summary.endswith("to revision 1")

    @pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
    def test_is_the_data_of_the_controller_revision_before(self, kind):
        body = step(rollback={"targetRef": TARGET | {"kind": kind}})
        found = workload("web:3", kind)
        items = [controller_revision(7, "web:3"), controller_revision(5, "web:1")]
        plan, asked = planned(*items, found=found, after=workload("web:1", kind), body=body)
        assert (asked[1].api_version, asked[1].kind) == ("apps/v1", "ControllerRevision")
        assert plan.summary == f"roll back {kind} checkout to revision 5"
        assert json.loads(plan.requests[0].body)["spec"]["template"] == {
            **template("web:1"),
            "$patch": "replace",
        }

    def test_says_that_pods_change_when_they_are_deleted_where_it_is_so(self):
        found = workload("web:3", "DaemonSet", updateStrategy={"type": "OnDelete"})
        body = step(rollback={"targetRef": TARGET | {"kind": "DaemonSet"}})
        items = [controller_revision(7, "web:3"), controller_revision(5, "web:1")]
        plan, _ = planned(*items, found=found, after=workload("web:1", "DaemonSet"), body=body)
        assert plan.summary.endswith("(OnDelete: a pod changes when it is deleted)")

    def test_brings_back_what_was_said_of_the_revision(self):
        items = [replica_set(3, cause="new"), replica_set(2, cause="old")]
        found = workload()
        found["metadata"]["annotations"]["kubernetes.io/change-cause"] = "new"
        plan, _ = planned(*items, found=found, after=workload("web:2"))
        assert json.loads(plan.requests[0].body)["metadata"] == {
            "annotations": {"kubernetes.io/change-cause": "old"}
        }

    def test_of_what_runs_already_changes_nothing(self):
        plan, _ = planned(*SETS, after=workload("web:3"))
        assert (plan.requests, plan.denied) == ((), "")
        assert plan.summary.endswith("it runs that template already")
        result, asked = drive(KIND.act(STEP, RUN, plan))
        assert (result.result, asked) == (Result.OK, [])

    def test_has_the_same_hash_for_another_version_of_the_workload(self):
        other = workload()
        other["metadata"]["resourceVersion"] = "71"
        other["status"]["readyReplicas"] = 1
        assert plan_of().hash == plan_of(found=other).hash

    def test_has_another_hash_once_there_is_a_newer_revision(self):
        newer = planned(*SETS, replica_set(4), after=workload("web:3"), found=workload("web:4"))[0]
        assert newer.hash != plan_of().hash


class TestWhatCannotBeRolledBack:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"spec": {"paused": True}}, "resume it first, with kubectl rollout resume deployment/checkout"),
            ({"status": {"observedGeneration": 2}}, "has not seen its latest change yet"),
            ({"status": {}}, "has not seen its latest change yet"),
        ],
    )
    def test_says_what_to_do_first(self, change, said):
        plan, asked = drive(KIND.plan(STEP, RUN), (200, workload() | change))
        assert said in plan.denied
        assert len(asked) == 1

    @pytest.mark.parametrize(
        ("items", "number", "said"),
        [
            ([], None, "there is no revision before the present one (kept: none"),
            ([replica_set(3)], None, "there is no revision before the present one (kept: 3; revisionHis"),
            (SETS, 9, "there is no revision 9 (kept: 1, 2, 3): set toRevision to one that is kept"),
            ([*SETS, replica_set(2, name="a")], None, "a and checkout-h2 both say that they are revision 2"),
        ],
    )
    def test_says_which_revisions_there_are(self, items, number, said):
        wanted = {} if number is None else {"toRevision": number}
        plan, _ = planned(*items, body=step(rollback={"targetRef": TARGET, **wanted}))
        assert said in plan.denied
        assert (plan.requests, plan.forbidden) == ((), False)

    @pytest.mark.parametrize(
        "target",
        [
            {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "checkout"},
            {"apiVersion": "v1", "kind": "Pod", "name": "checkout"},
        ],
    )
    def test_says_what_can(self, target):
        plan, asked = drive(KIND.plan(step(rollback={"targetRef": target}), RUN))
        assert "only Deployment, StatefulSet, DaemonSet of apps/v1 can be rolled back" in plan.denied
        assert asked == []

    def test_goes_to_no_other_namespace_unless_the_runbook_says_so(self):
        body = step(rollback={"targetRef": {**TARGET, "namespace": "other"}})
        plan, asked = drive(KIND.plan(body, RUN))
        assert (plan.denied, asked) == ("namespace other is not in spec.scope.namespaces of the runbook", [])

    def test_leaves_alone_what_has_not_the_label(self):
        run = replace(RUN, selector="runbooks=allowed")
        plan, _ = drive(KIND.plan(STEP, run), (200, workload()))
        assert "has not the label runbooks=allowed" in plan.denied

    @pytest.mark.parametrize(
        "answers",
        [
            [(403, refused("no"))],
            [(200, workload()), (403, refused("no"))],
            [(200, workload()), (200, {"items": SETS}), (403, refused("no"))],
        ],
    )
    def test_names_the_right_that_is_missing(self, answers):
        plan, _ = drive(KIND.plan(STEP, RUN), *answers)
        assert (plan.denied, plan.forbidden) == ("no", True)


class TestTheChange:
    def test_is_refused_by_the_server_for_another_version(self):
        result, (request,) = drive(KIND.act(STEP, RUN, plan_of()), (409, refused("modified")))
        assert json.loads(request.body)["metadata"] == {"resourceVersion": "70"}
        assert result.result == Result.CONFLICT

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            ((200, workload("web:2")), Result.OK),
            ((403, None), Result.AUTH),
            ((422, None), Result.PERMANENT),
            ((429, None), Result.RETRY),
            ((500, None), Result.UNKNOWN),
            (None, Result.UNKNOWN),
        ],
    )
    def test_is_known_by_its_answer(self, answer, expected):
        found, _ = drive(KIND.act(STEP, RUN, plan_of()), answer)
        assert found.result == expected

    def test_is_done_once_the_server_has_answered(self):
        assert drive(KIND.follow(STEP, RUN, ""))[0].result == Result.OK


class TestTakingBack:
    def undo(self):
        return kept(plan_of().reversals)

    def test_names_the_fields_that_changed_alone(self):
        result, asked = drive(reversal(self.undo()), (200, workload("web:2")), (200, workload()))
        assert result.result == Result.OK
        path = "/spec/template/spec/containers/1/image"
        assert json.loads(asked[1].body) == [
            {"op": "test", "path": path, "value": "web:2"},
            {"op": "replace", "path": path, "value": "web:3"},
        ]

    def test_is_short_enough_to_keep_for_a_template_that_is_not(self):
        found, after = workload(), workload("web:2")
        for each in (found, after):
            each["spec"]["template"]["spec"]["containers"][0]["args"] = ["x" * MAX_UNDO]
        assert kept(plan_of(found=found).reversals) == ""
        plan, _ = planned(*SETS, found=found, after=after)
        assert len(kept(plan.reversals)) < MAX_UNDO

    @pytest.mark.parametrize("now", ["web:4", "web:3"])
    def test_leaves_alone_what_somebody_changed_since(self, now):
        result, asked = drive(reversal(self.undo()), (200, workload(now)))
        assert (result.result, result.reason) == (Result.PERMANENT, "ChangedSince")
        assert [each.verb for each in asked] == ["get"]

    def test_does_not_mind_another_number_of_replicas(self):
        found = workload("web:2", replicas=9)
        result, _ = drive(reversal(self.undo()), (200, found), (200, workload(replicas=9)))
        assert result.result == Result.OK

    def test_of_added_and_removed_fields_removes_and_adds_them(self):
        found, after = workload(), workload("web:3")
        found["spec"]["template"]["metadata"]["annotations"] = {"a/b": "1"}
        after["spec"]["template"]["spec"]["hostNetwork"] = True
        plan, _ = planned(*SETS, found=found, after=after)
        result, asked = drive(reversal(kept(plan.reversals)), (200, after), (200, found))
        assert result.result == Result.OK
        assert json.loads(asked[1].body) == [
            {"op": "add", "path": "/spec/template/metadata/annotations", "value": {"a/b": "1"}},
            {"op": "test", "path": "/spec/template/spec/hostNetwork", "value": True},
            {"op": "remove", "path": "/spec/template/spec/hostNetwork"},
        ]

    def test_is_unknown_where_there_is_no_answer(self):
        result, _ = drive(reversal(self.undo()), (200, workload("web:2")), None)
        assert result.result == Result.UNKNOWN


def test_a_selector_stands_in_a_query_as_kubectl_writes_it():
    expressions = [
        {"key": "tier", "operator": "In", "values": ["a", "b"]},
        {"key": "env", "operator": "NotIn", "values": ["test"]},
        {"key": "app", "operator": "Exists"},
        {"key": "canary", "operator": "DoesNotExist"},
    ]
    found = labels_of({"matchLabels": {"x": "1"}, "matchExpressions": expressions})
    assert found == "x=1,tier in (a,b),env notin (test),app,!canary"
