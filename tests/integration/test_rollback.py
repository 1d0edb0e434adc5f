"""Rollbacks of workloads whose revisions the controllers of Kubernetes wrote, as the team's account."""

import json
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from dev.cluster import Cluster
from dev.layout import REPOSITORY
from dev.operator_process import OperatorProcess
from dev.waiting import wait_until
from tests.support.kubectl import Kubectl
from tests.support.manifests import text as manifest
from tests.support.people import Json, Person, Stage, admin_client, set_stage
from tests.support.runbook_team import DEPLOYMENT, NO_APPROVAL, PATIENCE, Team, furnished

pytestmark = pytest.mark.cluster

NAMESPACE = "rollbacks"
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:incident-responder"
PLURALS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}
NEVER: Json = {"verify": {"within": "3s", "condition": "object.spec.replicas == 99"}}
APPS = "apps/v1"
FLUX = {"name": "apps", "namespace": NAMESPACE}
FLUX_API = "kustomize.toolkit.fluxcd.io/v1"


@pytest.fixture(scope="module")
def stage(cluster: Cluster, controllers: None) -> Iterator[Stage]:
    with admin_client(cluster) as client:
        yield set_stage(client, NAMESPACE)


@pytest.fixture(scope="module")
def team(stage: Stage, operator: OperatorProcess) -> Team:
    made = furnished(stage)
    for plural in ("statefulsets", "daemonsets"):
        stage.allow(ACCOUNT, plural, ["get", "patch"], group="apps")
    for plural in ("replicasets", "controllerrevisions"):
        stage.allow(ACCOUNT, plural, ["list"], group="apps")
    return made


@pytest.fixture
def kustomizations(kubectl: Kubectl) -> Iterator[None]:
    """The kind by which Flux keeps what Git says, without Flux."""
    group, names = FLUX_API.partition("/")[0], {"kind": "Kustomization", "plural": "kustomizations"}
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"kustomizations.{group}"},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [version]},
    }
    kubectl("create", "-f", "-", input=json.dumps(crd))
    kubectl("wait", "--for=condition=Established", "--timeout=20s", f"crd/kustomizations.{group}")
    yield
    kubectl("delete", "crd", f"kustomizations.{group}")


class Workload:
    """A workload that is rolled out by its own controller."""

    def __init__(self, admin: Person, kind: str, name: str) -> None:
        self.admin = admin
        self.target: Json = {"apiVersion": APPS, "kind": kind, "name": name}
        self._plural = PLURALS[kind]
        spec: Json = {**DEPLOYMENT, "selector": {"matchLabels": {"app": name}}}
        spec["template"] = {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "web", "image": "example.com/web:1"}]},
        }
        if kind == "DaemonSet":
            del spec["replicas"]
        if kind == "StatefulSet":
            spec["serviceName"] = name
        answer = admin.ask(
            "POST", admin.path(self._plural, version=APPS), {"metadata": {"name": name}, "spec": spec}
        )
        assert answer.succeeded, answer.message
        self._settle(1)

    def roll_out(self, tag: int) -> None:
        """Has another image run, and returns once its controller has made a revision of it."""
        containers = [
            {"name": "web", "image": f"example.com/web:{tag}", "env": [{"name": "N", "value": "x"}]}
        ]
        change = {"spec": {"template": {"spec": {"containers": containers}}}}
        answer = self.admin.ask("PATCH", self.path, change)
        assert answer.succeeded, answer.message
        self._settle(tag)

    @property
    def template(self) -> Json:
        """The pod template as it is."""
        found: Json = self._found["spec"]["template"]
        return found

    @property
    def revisions(self) -> dict[int, str]:
        """The names of what its controller keeps, by the number of the revision."""
        is_deployment = self.target["kind"] == "Deployment"
        plural = "replicasets" if is_deployment else "controllerrevisions"
        items = self.admin.ask("GET", self.admin.path(plural, version=APPS)).body["items"]
        uid = self._found["metadata"]["uid"]
        return {
            int(each["metadata"]["annotations"]["deployment.kubernetes.io/revision"])
            if is_deployment
            else each["revision"]: each["metadata"]["name"]
            for each in items
            if uid in json.dumps(each["metadata"].get("ownerReferences"))
        }

    def wait_for(self, *numbers: int) -> dict[int, str]:
        """The revisions, once they are these."""
        wait_until(
            lambda: None if tuple(sorted(self.revisions)) == numbers else str(self.revisions), PATIENCE
        )
        return self.revisions

    @property
    def path(self) -> str:
        """Where it is."""
        return self.admin.path(self._plural, self.target["name"], APPS)

    @property
    def _found(self) -> Any:
        return self.admin.ask("GET", self.path).body

    def _settle(self, number: int) -> None:
        self.wait_for(*range(1, number + 1))

        def complaint() -> str | None:
            found = self._found
            seen = found.get("status", {}).get("observedGeneration", 0)
            return None if seen == found["metadata"]["generation"] else f"observed {seen}"

        wait_until(complaint, PATIENCE)


def step(target: Json, **more: Any) -> Json:
    return {"name": "act", "rollback": {"targetRef": target}, **NO_APPROVAL, **more}


@pytest.mark.feature("F42.core")
@pytest.mark.parametrize("kind", PLURALS)
def test_a_workload_returns_to_its_own_revision_before(team: Team, kind: str):
    workload = Workload(team.admin, kind, f"cart-{kind.lower()}")
    first = workload.template
    workload.roll_out(2)
    before = workload.revisions
    assert workload.template != first
    status = team.ended(team.run(f"back-{kind.lower()}", step(workload.target)))
    assert status["phase"] == "Succeeded", status
    assert workload.template == first
    # The controller finds that it is the first revision again, and gives that the next number.
    assert workload.wait_for(2, 3) == {2: before[2], 3: before[1]}
    plan = status["plan"]["steps"][0]
    assert plan["summary"] == f"roll back {kind} cart-{kind.lower()} to revision 1"
    assert (
        'spec.template.spec.containers[0].image: "example.com/web:2" -> "example.com/web:1"' in plan["diff"]
    )


@pytest.mark.feature("F42.core")
@pytest.mark.parametrize("kind", PLURALS)
def test_a_rollback_that_does_not_help_is_taken_back(team: Team, kind: str):
    workload = Workload(team.admin, kind, f"menu-{kind.lower()}")
    workload.roll_out(2)
    second = workload.template
    status = team.ended(team.run(f"undo-{kind.lower()}", step(workload.target, **NEVER)))
    assert (status["phase"], status["steps"][0]["phase"]) == ("Undone", "Undone"), status
    assert workload.template == second
    assert len(workload.wait_for(3, 4)) == 2


@pytest.mark.feature("F42.core")
def test_a_workload_returns_to_the_revision_that_is_named(team: Team):
    workload = Workload(team.admin, "Deployment", "named")
    first = workload.template
    workload.roll_out(2)
    workload.roll_out(3)
    body = step(workload.target)
    body["rollback"]["toRevision"] = 1
    assert team.ended(team.run("named", body))["phase"] == "Succeeded"
    assert workload.template == first


def test_a_workload_at_its_only_revision_is_left_alone(team: Team):
    workload = Workload(team.admin, "DaemonSet", "only")
    status = team.ended(team.run("only", step(workload.target)))
    assert (status["phase"], status["steps"][0]["reason"]) == ("Failed", "Denied")
    assert "there is no revision before the present one (kept: 1;" in status["steps"][0]["message"]


def test_a_paused_deployment_is_left_alone(team: Team, kubectl: Kubectl):
    workload = Workload(team.admin, "Deployment", "paused")
    workload.roll_out(2)
    kubectl("-n", NAMESPACE, "rollout", "pause", "deployment/paused")
    status = team.ended(team.run("paused", step(workload.target)))
    said = status["steps"][0]["message"]
    assert "resume it first, with kubectl rollout resume deployment/paused" in said
    kubectl("-n", NAMESPACE, "rollout", "resume", "deployment/paused")


@pytest.mark.feature("F42.core")
def test_what_flux_would_put_back_is_suspended_first_and_owed(
    team: Team, kustomizations: None, kubectl: Kubectl
):
    workload = Workload(team.admin, "Deployment", "flux")
    first = workload.template
    workload.roll_out(2)
    second = workload.template
    labels = {f"{FLUX_API.partition('/')[0]}/{key}": value for key, value in FLUX.items()}
    workload.admin.ask("PATCH", workload.path, {"metadata": {"labels": labels}})
    owner = {"apiVersion": FLUX_API, "kind": "Kustomization", "metadata": {"name": "apps"}}
    team.make("kustomizations", FLUX_API, owner | {"spec": {"interval": "5m"}})
    run = team.run("flux", step(workload.target))
    assert f'User "{ACCOUNT}" cannot get resource "kustomizations"' in team.blocked(run, "Denied")
    assert workload.template == second

    team.stage.allow(ACCOUNT, "kustomizations", ["get", "patch"], group=FLUX_API.partition("/")[0])
    status = team.ended(run)
    assert status["phase"] == "Succeeded", status
    assert workload.template == first
    assert team.thing("kustomizations", "apps", FLUX_API)["spec"] == {"interval": "5m", "suspend": True}
    (debt,) = status["debt"]
    assert debt["owner"] == "ana"
    assert debt["what"].startswith(f"Kustomization {NAMESPACE}/apps is suspended")
    _, _, command = debt["what"].partition("let it go: ")
    kubectl(*shlex.split(command)[1:])
    assert team.thing("kustomizations", "apps", FLUX_API)["spec"] == {"interval": "5m"}

    back = team.ended(team.run("flux-back", step(workload.target, **NEVER)))
    assert (back["phase"], back.get("debt", [])) == ("Undone", [])
    assert workload.template == first
    assert team.thing("kustomizations", "apps", FLUX_API)["spec"] == {"interval": "5m"}


@pytest.mark.feature("F42.core")
def test_the_manifests_as_people_type_them_roll_a_deployment_back(
    operator: OperatorProcess, stage: Stage, kubectl: Kubectl
):
    kubectl("create", "namespace", "shop", check=False)
    kubectl("apply", "-f", "-", input=manifest("runbook.yaml"))
    shop = Person(stage.admin.client, "shop")
    workload = Workload(shop, "Deployment", "checkout")
    first = workload.template
    workload.roll_out(2)
    kubectl("apply", "-f", str(REPOSITORY / "examples" / "roles"))
    for user, role in (("ana", "responder"), ("bo", "approver")):
        grant = f"--clusterrole=watchbill-{role}", f"--user={user}"
        kubectl("-n", "shop", "create", "rolebinding", f"{user}-{role}", *grant)
    kubectl("create", "-f", "-", input=manifest("incident-minimal.yaml"), user="ana", check=False)
    kubectl("create", "-f", "-", input=manifest("runbook-run.yaml"), user="ana")
    run = ("-n", "shop", "runbookrun", "checkout-roll-back")

    def wait(phase: str, *more: str) -> None:
        condition = f"--for=jsonpath={{.status.phase}}={phase}"
        kubectl("wait", "--timeout=60s", condition, *run[:2], *more, "/".join(run[2:]))

    wait("AwaitingApproval")
    shown = kubectl("get", *run, "-o", "jsonpath={.status.plan.hash}").stdout
    patch = 'spec: {approvals: {bo: {planHash: "' + shown + '"}}}'
    kubectl("-n", "shop", "patch", *run[2:], "--type=merge", "-p", patch, user="bo")
    wait("Succeeded")
    assert workload.template == first
    status = json.loads(kubectl("get", *run, "-o", "json").stdout)["status"]
    assert (status["marks"], status["steps"][0]["approvedBy"]) == ("Mitigated", ["bo"])
