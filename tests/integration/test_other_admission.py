"""What the API server refuses of updates, connections and severities, and what roles grant.

No operator runs here.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from dev.cluster import Cluster
from dev.layout import REPOSITORY
from dev.waiting import wait_until
from tests.support.kubectl import Kubectl
from tests.support.people import IN_FORCE_SECONDS, Json, Stage, admin_client, set_stage
from tests.support.require import require
from watchbill.api.admission_secrets import secret_paths
from watchbill.api.connection import ConnectionSpec
from watchbill.api.group import DEFAULT_CLASS_ANNOTATION, DEFAULT_OPERATOR_USER

pytestmark = [pytest.mark.cluster, pytest.mark.feature("F60")]

INCIDENT: Json = {"title": "Checkout fails", "severity": "SEV-2", "affected": [{"service": "checkout"}]}
UPDATE: Json = {
    "incidentRef": {"name": "checkout-500s"},
    "audience": ["Internal"],
    "text": "We are looking into it.",
}


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> Iterator[httpx.Client]:
    with admin_client(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def stage(cluster: Cluster, client: httpx.Client) -> Stage:
    stage = set_stage(cluster, client, "updates-and-connections")
    stage.grant("ana", "watchbill-responder")
    stage.grant("bo", "watchbill-approver")
    stage.grant("cy", "watchbill-team-admin")
    stage.wait_for("ana", "incidentupdates", "create")
    stage.wait_for("bo", "incidentupdates", "approve")
    stage.wait_for("cy", "connections", "create")
    stage.allow("ana", "incidentupdates", ["patch"])
    stage.allow("author", "incidentupdates", ["create", "patch", "approve"])
    stage.allow(DEFAULT_OPERATOR_USER, "incidentupdates", ["create", "patch"])
    stage.allow("cy", "secrets", ["get"], group="")
    stage.allow("dee", "connections", ["get", "create", "patch"])
    return stage


def posted(stage: Stage, user: str = "ana", **spec: object) -> str:
    """The name of a new update."""
    answer = stage.person(user).create("incidentupdates", {**UPDATE, **spec})
    assert answer.succeeded, answer.message
    return str(answer.body["metadata"]["name"])


class TestAnUpdate:
    def test_bears_the_name_of_who_posts_it(self, stage):
        answer = stage.person("ana").create("incidentupdates", UPDATE)
        assert answer.body["spec"]["by"] == "ana"
        assert stage.person("ana").create("incidentupdates", {**UPDATE, "by": "ana"}).succeeded

    def test_is_refused_in_the_name_of_another(self, stage):
        answer = stage.person("ana").create("incidentupdates", {**UPDATE, "by": "bo"})
        assert answer.status == 403
        assert "spec.by must name you, `ana`: post it with by: 'ana'" in answer.message

    def test_takes_the_verb_create(self, stage):
        answer = stage.person("bo").create("incidentupdates", UPDATE)
        assert answer.status == 403
        assert 'User "bo" cannot create resource "incidentupdates"' in answer.message

    def test_is_posted_by_the_operator_for_a_chat_user(self, stage):
        operator = stage.person(DEFAULT_OPERATOR_USER)
        answer = operator.create("incidentupdates", {**UPDATE, "by": "bo"})
        assert answer.body["spec"]["by"] == "bo"

    @pytest.mark.parametrize(
        "change",
        [
            {"text": "All is well."},
            {"audience": ["Internal", "Public"]},
            {"publicPhase": "Resolved"},
            {"incidentRef": {"name": "another"}},
            {"by": "bo"},
            {"by": None},
        ],
        ids=lambda change: next(iter(change)),
    )
    @pytest.mark.parametrize("user", ["ana", DEFAULT_OPERATOR_USER])
    def test_never_changes(self, stage, user, change):
        answer = stage.person(user).patch("incidentupdates", posted(stage), change)
        assert answer.status == 422
        assert "an update must not change once posted: create another" in answer.message


class TestAnApproval:
    def test_is_given_and_withdrawn_by_another_than_the_author(self, stage):
        name, bo = posted(stage), stage.person("bo")
        assert bo.patch("incidentupdates", name, {"approvals": {"bo": {}}}).succeeded
        assert bo.patch("incidentupdates", name, {"approvals": {"bo": None}}).succeeded

    def test_takes_the_verb_approve(self, stage):
        answer = stage.person("ana").patch(
            "incidentupdates", posted(stage, "author"), {"approvals": {"ana": {}}}
        )
        assert answer.status == 403
        assert "`ana` needs the verb `approve` on incidentupdates.watchbill.dev" in answer.message

    @pytest.mark.parametrize("approvals", [{"cy": {}}, {"bo": {}, "cy": {"decision": "Rejected"}}])
    def test_is_given_in_no_other_name(self, stage, approvals):
        answer = stage.person("bo").patch("incidentupdates", posted(stage), {"approvals": approvals})
        assert answer.status == 403
        assert "spec.approvals: you are `bo`: write that key, not `cy`" in answer.message

    def test_of_another_is_not_withdrawn(self, stage):
        name, operator = posted(stage), stage.person(DEFAULT_OPERATOR_USER)
        assert operator.patch("incidentupdates", name, {"approvals": {"cy": {}}}).succeeded
        answer = stage.person("bo").patch("incidentupdates", name, {"approvals": {"cy": None}})
        assert answer.status == 403
        assert "spec.approvals: you are `bo`: write that key, not `cy`" in answer.message

    def test_is_not_given_by_the_author(self, stage):
        author = stage.person("author")
        name = posted(stage, "author")
        later = author.patch("incidentupdates", name, {"approvals": {"author": {}}})
        at_once = author.create("incidentupdates", {**UPDATE, "approvals": {"author": {}}})
        for answer in (later, at_once):
            assert answer.status == 403
            assert "the author, `author`, must not approve: ask somebody else to" in answer.message

    def test_is_not_given_by_the_operator_for_the_author(self, stage):
        operator = stage.person(DEFAULT_OPERATOR_USER)
        answer = operator.patch("incidentupdates", posted(stage), {"approvals": {"ana": {}}})
        assert "the author, `ana`, must not approve" in answer.message

    def test_the_author_may_reject(self, stage):
        rejected = {"approvals": {"author": {"decision": "Rejected"}}}
        answer = stage.person("author").patch("incidentupdates", posted(stage, "author"), rejected)
        assert answer.succeeded, answer.message


CONNECTIONS: dict[str, Json] = {
    "pagerDuty.routingKeySecretRef": {"pagerDuty": {"routingKeySecretRef": {"name": "pager", "key": "k"}}},
    "webhook.urlSecretRef": {"webhook": {"urlSecretRef": {"name": "pager", "key": "k"}}},
    "webhook.signingKeySecretRef": {
        "webhook": {"url": "https://pages.test", "signingKeySecretRef": {"name": "pager", "key": "k"}}
    },
    "slack.botTokenSecretRef": {"slack": {"botTokenSecretRef": {"name": "pager", "key": "k"}}},
}


class TestAConnection:
    def test_cases_name_every_reference_to_a_secret(self):
        assert set(CONNECTIONS) == {".".join(path) for path in secret_paths(ConnectionSpec)}

    @pytest.mark.parametrize("path", CONNECTIONS)
    def test_names_only_what_its_author_may_read(self, stage, path):
        assert stage.person("cy").create("connections", CONNECTIONS[path]).succeeded
        answer = stage.person("dee").create("connections", CONNECTIONS[path])
        assert answer.status == 403
        refused = f"spec.{path}: `dee` may not read Secret `pager`, so may not have it used"
        assert refused in answer.message
        assert f"`get` on that Secret in namespace `{stage.namespace}`" in answer.message

    def test_without_a_secret_is_free(self, stage):
        answer = stage.person("dee").create("connections", {"webhook": {"url": "https://pages.test"}})
        assert answer.succeeded, answer.message

    def test_sends_a_secret_elsewhere_only_by_who_may_read_it(self, stage):
        made = stage.person("cy").create("connections", CONNECTIONS["slack.botTokenSecretRef"])
        elsewhere = {"slack": {"baseURL": "https://elsewhere.test"}}
        name = made.body["metadata"]["name"]
        assert stage.person("dee").patch("connections", name, elsewhere).status == 403
        assert stage.person("cy").patch("connections", name, elsewhere).succeeded

    def test_is_labeled_by_who_may_not_read_its_secret(self, stage):
        made = stage.person("cy").create("connections", CONNECTIONS["slack.botTokenSecretRef"])
        dee, labels = stage.person("dee"), {"metadata": {"labels": {"team": "shop"}}}
        assert dee.ask("PATCH", dee.path("connections", made.body["metadata"]["name"]), labels).succeeded


@pytest.fixture(scope="class")
def matrix(stage: Stage) -> Iterator[str]:
    """The name of a class that knows `Minor` and `Major`, and is nobody's default; it is in force."""
    name = "test-of-severities"
    policy = {"policyRef": {"name": "all-hands", "namespace": "incident-platform"}}
    severities = [{"name": "Major", "rank": 1}, {"name": "Minor", "rank": 2}]
    spec = {"severities": severities, "defaultEscalation": policy}
    assert stage.admin.create("incidentclasses", spec, name=name).succeeded
    wait_until(lambda: _let_through(stage, {"classRef": {"name": name}}), IN_FORCE_SECONDS)
    yield name
    stage.admin.delete("incidentclasses", name)


def _let_through(stage: Stage, spec: Json) -> str | None:
    answer = stage.person("ana").create("incidents", {**INCIDENT, "severity": "Huge", **spec})
    return "a severity is taken that no class knows." if answer.succeeded else None


class TestASeverity:
    def test_is_one_of_the_named_class(self, stage, matrix):
        spec = {**INCIDENT, "classRef": {"name": matrix}}
        assert stage.person("ana").create("incidents", {**spec, "severity": "Minor"}).succeeded
        answer = stage.person("ana").create("incidents", spec)
        assert answer.status == 422
        assert f"`SEV-2` is not a severity of IncidentClass `{matrix}`: use one of Major, Minor" in (
            answer.message
        )

    def test_is_checked_again_when_it_is_raised(self, stage, matrix):
        spec = {**INCIDENT, "classRef": {"name": matrix}, "severity": "Minor"}
        name = stage.person("ana").create("incidents", spec).body["metadata"]["name"]
        answer = stage.person("ana").patch("incidents", name, {"severity": "Majro"})
        assert "`Majro` is not a severity of IncidentClass" in answer.message
        assert stage.person("ana").patch("incidents", name, {"severity": "Major"}).succeeded

    def test_is_free_where_the_incident_names_another_class(self, stage, matrix):
        answer = stage.person("ana").create("incidents", {**INCIDENT, "classRef": {"name": "no-such-class"}})
        assert answer.succeeded, answer.message

    def test_is_one_of_the_default_class_where_none_is_named(self, stage, matrix):
        spec = {**INCIDENT, "severity": "Huge"}
        made = stage.person("ana").create("incidents", spec)
        assert made.succeeded, "no class is the default yet"
        path = stage.admin.path("incidentclasses", matrix)
        default = {"metadata": {"annotations": {DEFAULT_CLASS_ANNOTATION: "true"}}}
        assert stage.admin.ask("PATCH", path, default).succeeded
        wait_until(lambda: _let_through(stage, {}), IN_FORCE_SECONDS)
        answer = stage.person("ana").create("incidents", spec)
        assert f"`Huge` is not a severity of IncidentClass `{matrix}`: use one of Major" in answer.message
        name = made.body["metadata"]["name"]
        assert stage.person("ana").patch("incidents", name, {"title": "An old one is worked on"}).succeeded

    def test_of_an_alert_is_taken_as_it_comes(self, stage, matrix):
        stage.allow(DEFAULT_OPERATOR_USER, "incidents", ["create"])
        spec = {**INCIDENT, "classRef": {"name": matrix}, "severity": "page"}
        assert stage.person(DEFAULT_OPERATOR_USER).create("incidents", spec).succeeded


MAY_NOT = {
    "create an incident": ("create", "incidents.watchbill.dev"),
    "change an incident": ("patch", "incidents.watchbill.dev"),
    "delete an incident": ("delete", "incidents.watchbill.dev"),
    "acknowledge": ("acknowledge", "incidents.watchbill.dev"),
    "change a policy": ("patch", "escalationpolicies.watchbill.dev"),
    "read Secrets": ("get", "secrets"),
    "list Secrets": ("list", "secrets"),
    "run in pods": ("create", "pods/exec"),
}


class TestTheOperatorsRole:
    @pytest.mark.parametrize("power", MAY_NOT)
    def test_lacks_the_power_to(self, cluster, power):
        verb, resource = MAY_NOT[power]
        question = ("auth", "can-i", verb, resource, "--all-namespaces")
        answer = cluster.run_kubectl(*question, kubeconfig=cluster.operator_kubeconfig)
        assert answer.stdout.strip() == "no"

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


ACTS: tuple[tuple[list[str], str, object], ...] = (
    (["raise"], "severity", "SEV-1"),
    (["acknowledge", "on it"], "acknowledgedBy", {"ana": {"note": "on it"}}),
    (["withdraw"], "acknowledgedBy", {}),
    (["acknowledge", "it's mine"], "acknowledgedBy", {"ana": {"note": "it's mine"}}),
    (["escalate", "nobody answers"], "escalation", {"request": {"reason": "nobody answers"}}),
    (
        ["escalate", "still nobody", "secondary"],
        "escalation",
        {"request": {"reason": "still nobody", "toLevel": "secondary"}},
    ),
    (["mitigate", "traffic is shifted"], "state", "Mitigated"),
    (["resolve", "rolled back"], "state", "Resolved"),
    (["reopen", "back again"], "state", "Open"),
    (["cancel"], "state", "Cancelled"),
)


def test_people_act_with_the_published_commands(cluster, kubectl: Kubectl, stage, tmp_path):
    folder = Path(os.environ.get("WATCHBILL_ACCEPTANCE", REPOSITORY.parent / "shared/acceptance"))
    require((folder / "people.sh").exists(), f"the acceptance manifests in {folder}")
    environment = {
        "KUBECONFIG": str(kubectl.kubeconfig("ana")),
        "PATH": f"{cluster.kubectl.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "NS": stage.namespace,
    }
    declared = stage.person("bo")
    stage.grant("bo", "watchbill-declarer")
    stage.wait_for("bo", "incidents", "create")
    made = declared.create("incidents", {**INCIDENT, "severity": "SEV-1"}, name="checkout-500s")
    assert made.succeeded, made.message

    def act(*words: str) -> Json:
        command = ["sh", "-eu", str(folder / "people.sh"), *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return dict(stage.admin.ask("GET", stage.admin.path("incidents", "checkout-500s")).body["spec"])

    for words, field, value in ACTS:
        assert act(*words)[field] == value, words
    spec = act("update", "It was 'a false alarm'.")
    assert spec["setBy"] == {"declaration": "bo", "escalation": "ana", "state": "ana"}
    assert spec["stateReason"] == "false alarm"
    updates = stage.admin.ask("GET", stage.admin.path("incidentupdates")).body["items"]
    said = [each["spec"] for each in updates if each["spec"]["text"] == "It was 'a false alarm'."]
    assert [each["by"] for each in said] == ["ana"]
