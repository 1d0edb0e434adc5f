"""What the operator's role lets it do on a real API server, and what not.

No operator runs here.
"""

from collections.abc import Iterator

import pytest

from dev.cluster import Cluster
from tests.support.people import Json, Person, Stage, admin_client, set_stage
from tests.support.rights import Right, Rights, Who
from watchbill.api.group import DEFAULT_OPERATOR_USER, GROUP
from watchbill.api.kinds import KINDS

pytestmark = pytest.mark.cluster

INCIDENT: Json = {"title": "Checkout fails", "severity": "SEV-2", "affected": [{"service": "checkout"}]}


@pytest.fixture(scope="module")
def stage(cluster: Cluster) -> Iterator[Stage]:
    with admin_client(cluster) as client:
        stage = set_stage(client, "what-the-operator-may")
        yield stage


MAY_NOT = {
    "create an incident": ("create", "incidents.watchbill.dev"),
    "change an incident": ("patch", "incidents.watchbill.dev"),
    "delete an incident": ("delete", "incidents.watchbill.dev"),
    "acknowledge": ("acknowledge", "incidents.watchbill.dev"),
    "change a policy": ("patch", "escalationpolicies.watchbill.dev"),
    "read Secrets": ("get", "secrets"),
    "list Secrets": ("list", "secrets"),
    "run in pods": ("create", "pods/exec"),
    "have a token of an account": ("create", "serviceaccounts/token"),
    "act as another": ("impersonate", "serviceaccounts"),
    "change a workload": ("patch", "deployments.apps"),
    "run a job": ("create", "jobs.batch"),
    "change a runbook": ("patch", "runbooks.watchbill.dev"),
    "run a runbook that does not start by itself": ("run", "runbooks.watchbill.dev"),
    "approve a run": ("patch", "runbookruns.watchbill.dev"),
    "bind roles": ("bind", "roles.rbac.authorization.k8s.io"),
    "extend roles": ("escalate", "roles.rbac.authorization.k8s.io"),
}


CHANGING = ("create", "update", "patch", "delete", "deletecollection")
BECOMING = ("impersonate", "escalate", "bind", "*")
"""The verbs by which one right becomes another."""
EVERYBODYS = {
    ("create", "authentication.k8s.io", "selfsubjectreviews"),
    ("create", "authorization.k8s.io", "selfsubjectaccessreviews"),
    ("create", "authorization.k8s.io", "selfsubjectrulesreviews"),
}
"""What every account may: ask of its own rights."""
OWN = {("patch", GROUP, f"{kind.plural}/status") for kind in KINDS} | {
    ("create", "", "events"),
    ("patch", "", "events"),
    # Those that start by themselves; admission lets it in its own name alone.
    ("create", GROUP, "runbookruns"),
}


def served(admin: Person) -> Iterator[tuple[str, str]]:
    """The group and the name of every resource and subresource that the API server has."""
    groups = admin.ask("GET", "/apis").body["groups"]
    places = [("", "/api/v1")]
    places += [(each["name"], f"/apis/{each['preferredVersion']['groupVersion']}") for each in groups]
    for group, path in places:
        for resource in admin.ask("GET", path).body["resources"]:
            yield group, resource["name"]
    # Held to be resources by the API server, though it lists none of them.
    yield from (("", "users"), ("", "groups"))


class TestTheOperatorsRole:
    @pytest.mark.feature("F41")
    @pytest.mark.parametrize("power", MAY_NOT)
    def test_lacks_the_power_to(self, cluster, power):
        verb, resource = MAY_NOT[power]
        question = ("auth", "can-i", verb, resource, "--all-namespaces")
        answer = cluster.run_kubectl(*question, kubeconfig=cluster.operator_kubeconfig)
        assert answer.stdout.strip() == "no"

    @pytest.mark.feature("F41")
    def test_holds_no_power_to_change_anything_but_these(self, stage):
        rights, operator = Rights(stage.admin.client), Who(DEFAULT_OPERATOR_USER)
        asked = [
            Right(verb, resource, group=group)
            for group, resource in served(stage.admin)
            for verb in (*CHANGING, *BECOMING)
        ]
        held = {(each.verb, each.group, each.resource) for each in asked if rights.hold(operator, each)}
        assert held - EVERYBODYS == OWN
        assert len(asked) > 500

    def test_reads_the_secrets_of_a_namespace_that_binds_the_reader_role(self, cluster, stage):
        assert not stage.may(DEFAULT_OPERATOR_USER, "secrets", "get", "")
        stage.grant(DEFAULT_OPERATOR_USER, "watchbill-secret-reader")
        stage.wait_for(DEFAULT_OPERATOR_USER, "secrets", "get", "")
        assert not stage.may(DEFAULT_OPERATOR_USER, "secrets", "list", "")

    def test_patches_status(self, cluster, stage):
        made = stage.admin.create("incidents", {**INCIDENT, "classRef": {"name": "no-such-class"}})
        name = made.body["metadata"]["name"]
        operator = stage.person(DEFAULT_OPERATOR_USER)
        answer = operator.patch("incidents", name, {"phase": "Triggered"}, subresource="status")
        assert answer.body["status"]["phase"] == "Triggered"
        assert 'cannot patch resource "incidents"' in operator.patch("incidents", name, INCIDENT).message
