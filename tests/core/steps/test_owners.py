"""A rollback of what Flux or Argo CD keeps as Git says: the owner is suspended first, and owed back."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.core.steps.driving import RUN, drive, refused
from tests.core.steps.test_rollback import KIND, SETS, STEP, workload
from watchbill.core.outcomes import Result
from watchbill.core.steps.reversing import kept, reversal

Json = dict[str, Any]
FLUX = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
HELM = {"helm.toolkit.fluxcd.io/name": "checkout", "helm.toolkit.fluxcd.io/namespace": "shop"}
TRACKED = {"argocd.argoproj.io/tracking-id": "checkout:apps/Deployment:shop/checkout"}
INSTANCE = {"app.kubernetes.io/instance": "checkout"}
SCOPED = replace(RUN, namespaces=("flux-system", "argocd"))
AUTOMATED = {"prune": True, "selfHeal": True}
ABSENT = (404, refused("not found"))


def marked(image: str = "web:3", labels: Json | None = None, annotations: Json | None = None) -> Json:
    found = workload(image)
    found["metadata"]["labels"] = labels or {}
    found["metadata"]["annotations"] |= annotations or {}
    return found


def owner(name: str, namespace: str, **spec: Any) -> Json:
    return {"metadata": {"name": name, "namespace": namespace, "resourceVersion": "5"}, "spec": spec}


def application(automated: Json | None = AUTOMATED, lists: bool = True, **meta: Any) -> Json:
    made = owner("checkout", "argocd", syncPolicy={} if automated is None else {"automated": automated})
    made["metadata"] |= meta
    listed = {"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "checkout"}
    return made | {"status": {"resources": [listed] if lists else []}}


def planned(*answers: Any, run: Any = SCOPED, **marks: Any) -> tuple[Any, list[Any]]:
    """The plan for a workload with these marks, and what was asked of its owners."""
    first = (200, marked(**marks)), (200, {"items": SETS}), (200, marked("web:2", **marks))
    plan, asked = drive(KIND.plan(STEP, run), *first, *answers)
    return plan, asked[3:]


def by_flux() -> Any:
    now = owner("apps", "flux-system")
    return planned((200, now), (200, owner("apps", "flux-system", suspend=True)), labels=FLUX)


def by_argo(**marks: Json) -> Any:
    return planned((200, application()), (200, application(None)), **(marks or {"annotations": TRACKED}))


class TestFlux:
    def test_is_suspended_before_the_workload_is_changed(self):
        plan, asked = by_flux()
        assert [(each.verb, each.kind, each.namespace, each.dry_run) for each in asked] == [
            ("get", "Kustomization", "flux-system", False),
            ("patch", "Kustomization", "flux-system", True),
        ]
        suspend, write = plan.requests
        assert (suspend.kind, json.loads(suspend.body)) == ("Kustomization", {"spec": {"suspend": True}})
        assert write.kind == "Deployment"
        assert plan.diff[0] == "Kustomization flux-system/apps: spec.suspend: absent -> true"

    def test_is_owed_back_by_a_command(self):
        assert by_flux()[0].debt == (
            "Kustomization flux-system/apps is suspended; once Git has what is to run, let it go: kubectl "
            "-n flux-system patch kustomization.kustomize.toolkit.fluxcd.io apps --type=merge "
            """-p '{"spec": {"suspend": null}}'"""
        )

    def test_suspends_the_release_of_a_chart(self):
        found = owner("checkout", "shop", suspend=False)
        plan, _ = planned((200, found), (200, owner("checkout", "shop", suspend=True)), labels=HELM, run=RUN)
        assert plan.requests[0].api_version == "helm.toolkit.fluxcd.io/v2"
        assert '{"spec": {"suspend": false}}' in plan.debt

    @pytest.mark.parametrize(
        "answer", [ABSENT, (200, owner("apps", "flux-system", suspend=True))], ids=["gone", "suspended"]
    )
    def test_that_puts_nothing_back_is_left_as_it_is(self, answer):
        plan, _ = planned(answer, labels=FLUX)
        assert ([each.kind for each in plan.requests], plan.debt) == (["Deployment"], "")

    def test_is_suspended_only_where_the_runbook_says_so(self):
        plan, _ = planned((200, owner("apps", "flux-system")), labels=FLUX, run=RUN)
        assert plan.denied == (
            "Kustomization flux-system/apps keeps it as Git says and must be suspended, but namespace "
            "flux-system is not in spec.scope.namespaces of the runbook"
        )

    def test_names_the_right_that_is_missing(self):
        plan, _ = planned((403, refused("cannot get")), labels=FLUX)
        assert (plan.denied.startswith("cannot get"), plan.forbidden) == (True, True)
        plan, _ = planned((200, owner("apps", "flux-system")), (403, refused("cannot patch")), labels=FLUX)
        assert (plan.denied, plan.forbidden, plan.requests) == ("cannot patch", True, ())


class TestArgoCd:
    @pytest.mark.parametrize("marks", [{"annotations": TRACKED}, {"labels": INSTANCE}])
    def test_syncs_by_hand_alone(self, marks):
        run = replace(RUN, namespaces=("argocd",))
        plan, _ = planned((200, application()), (200, application(None)), run=run, **marks)
        assert json.loads(plan.requests[0].body) == {"spec": {"syncPolicy": {"automated": None}}}
        assert json.dumps({"spec": {"syncPolicy": {"automated": AUTOMATED}}}) in plan.debt

    def test_of_another_namespace_is_named_by_the_mark(self):
        tracked = {"argocd.argoproj.io/tracking-id": "team-a_checkout:apps/Deployment:shop/checkout"}
        _, asked = planned((403, refused("no")), annotations=tracked)
        assert (asked[0].namespace, asked[0].name) == ("team-a", "checkout")

    @pytest.mark.parametrize(
        "found",
        [
            application(lists=False),
            application(None),
            application({"enabled": False}),
        ],
        ids=["not its own", "by hand", "disabled"],
    )
    def test_that_puts_nothing_back_is_left_as_it_is(self, found):
        run = replace(RUN, namespaces=("argocd",))
        plan, _ = planned((200, found), annotations=TRACKED, run=run)
        assert [each.kind for each in plan.requests] == ["Deployment"]

    def test_is_nothing_where_a_chart_alone_has_the_label(self):
        plan, asked = planned(ABSENT, labels=INSTANCE, run=RUN)
        assert [each.kind for each in plan.requests] == ["Deployment"]
        assert [each.namespace for each in asked] == ["argocd"]

    def test_must_be_found_where_the_workload_says_that_it_is(self):
        plan, _ = planned(ABSENT, annotations=TRACKED, run=RUN)
        assert "names Application checkout, which is not in argocd" in plan.denied

    def test_that_a_set_keeps_is_not_suspended(self):
        found = application(ownerReferences=[{"kind": "ApplicationSet", "name": "shops"}])
        run = replace(RUN, namespaces=("argocd",))
        plan, _ = planned((200, found), annotations=TRACKED, run=run)
        assert "is kept by ApplicationSet shops, which would take it up again" in plan.denied


class TestTheChange:
    def act(self, *answers: Any) -> tuple[Any, list[Any]]:
        return drive(KIND.act(STEP, SCOPED, by_flux()[0]), *answers)

    def test_is_owner_first(self):
        result, asked = self.act((200, {}), (200, {}))
        assert (result.result, [each.kind for each in asked]) == (Result.OK, ["Kustomization", "Deployment"])

    @pytest.mark.parametrize(
        ("status", "expected"), [(409, Result.CONFLICT), (403, Result.AUTH), (422, Result.PERMANENT)]
    )
    def test_that_is_refused_lets_the_owner_go_again(self, status, expected):
        result, asked = self.act((200, {}), (status, refused("no")), (200, {}))
        assert result.result == expected
        assert json.loads(asked[2].body) == {"spec": {"suspend": None}}

    def test_that_is_refused_says_what_stays_suspended(self):
        result, _ = self.act((200, {}), (409, refused("modified")), (403, refused("cannot")))
        assert (result.result, result.reason, result.owes) == (Result.PERMANENT, "OwnerSuspended", True)
        assert result.message == "modified; suspended stays Kustomization apps: cannot"

    def test_that_nobody_can_tell_of_keeps_the_owner_suspended(self):
        result, asked = self.act((200, {}), None)
        assert (result.result, len(asked)) == (Result.UNKNOWN, 2)
        assert result.message.endswith("suspended stays Kustomization apps")

    def test_is_not_made_where_the_owner_was_not_suspended(self):
        result, asked = self.act((409, refused("modified")))
        assert (result.result, len(asked)) == (Result.CONFLICT, 1)

    def test_is_taken_back_before_the_owner_is_let_go(self):
        undo = kept(by_flux()[0].reversals)
        suspended = owner("apps", "flux-system", suspend=True)
        result, asked = drive(
            reversal(undo), (200, marked("web:2", FLUX)), (200, {}), (200, suspended), (200, {})
        )
        assert result.result == Result.OK
        assert [each.kind for each in asked[1::2]] == ["Deployment", "Kustomization"]
