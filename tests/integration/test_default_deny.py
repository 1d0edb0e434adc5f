"""What no policy knows is refused, and what is as large as it may be is still judged."""

from collections.abc import Iterator

import httpx
import pytest

from dev.cluster import Cluster
from dev.waiting import wait_until
from tests.support.people import IN_FORCE_SECONDS, Json, Stage, admin_client, set_stage
from watchbill.api.admission.acts import incident_acts
from watchbill.api.group import DEFAULT_OPERATOR_USER
from watchbill.api.incident import IncidentSpec
from watchbill.api.verbs import VERB_OF

pytestmark = [pytest.mark.cluster, pytest.mark.feature("F60")]

MINIMAL: Json = {"title": "Checkout fails", "severity": "SEV-2", "affected": [{"service": "checkout"}]}
BOUNDS = IncidentSpec.model_json_schema()["properties"]
THINGS, PEOPLE = BOUNDS["affected"]["maxItems"], BOUNDS["acknowledgedBy"]["maxProperties"]
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> Iterator[httpx.Client]:
    with admin_client(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def old_policy(client: httpx.Client) -> Iterator[Stage]:
    """A namespace in which a policy is in force that does not know `summary`."""
    stage = set_stage(client, "an-older-policy")
    known = {field: verb for field, verb in VERB_OF.items() if field != "summary"}
    policy, binding = incident_acts(DEFAULT_OPERATOR_USER, "watchbill-test-older", known)
    here = {"matchLabels": {"kubernetes.io/metadata.name": stage.namespace}}
    binding["spec"]["matchResources"] = {"namespaceSelector": here}
    assert stage.admin.ask("POST", POLICIES, policy).succeeded
    assert stage.admin.ask("POST", BINDINGS, binding).succeeded

    def let_through() -> str | None:
        answer = stage.admin.create("incidents", {**MINIMAL, "summary": "more"})
        return "the older policy is not in force." if answer.succeeded else None

    wait_until(let_through, IN_FORCE_SECONDS)
    yield stage
    stage.admin.ask("DELETE", f"{BINDINGS}/watchbill-test-older")
    stage.admin.ask("DELETE", f"{POLICIES}/watchbill-test-older")


class TestDefaultDeny:
    """A policy that is older than the CRD does not know one of its fields."""

    def test_refuses_a_field_that_no_verb_guards_to_everybody(self, old_policy):
        name = old_policy.admin.create("incidents", MINIMAL).body["metadata"]["name"]
        for answer in (
            old_policy.admin.create("incidents", {**MINIMAL, "summary": "more"}),
            old_policy.admin.patch("incidents", name, {"summary": "more"}),
        ):
            assert answer.status == 403
            assert "spec.summary is guarded by no verb, so nobody may set it" in answer.message
            assert "as `watchbill policies` prints them" in answer.message

    def test_leaves_the_other_fields_alone(self, old_policy):
        name = old_policy.admin.create("incidents", MINIMAL).body["metadata"]["name"]
        assert old_policy.admin.patch("incidents", name, {"title": "Checkout is slow"}).succeeded


def test_the_largest_incident_is_judged_within_the_api_servers_budget(client):
    stage = set_stage(client, "the-largest-incident")
    stage.grant("ana", "watchbill-responder")
    stage.wait_for("ana", "incidents", "declare")
    stage.allow(DEFAULT_OPERATOR_USER, "incidents", ["patch"])
    thing = {"service": "s" * 253, "environment": "e" * 63, "region": "r" * 63, "kind": "k" * 63}
    declaration = {
        "title": "t" * 200,
        "severity": "SEV-2",
        "summary": "s" * 4096,
        "affected": [thing] * THINGS,
    }
    made = stage.person("ana").create("incidents", declaration)
    assert made.succeeded, made.message
    name = made.body["metadata"]["name"]
    crowd = {f"{number:03}{'u' * 250}": {"note": "n" * 256} for number in range(PEOPLE - 1)}
    others = stage.person(DEFAULT_OPERATOR_USER).patch("incidents", name, {"acknowledgedBy": crowd})
    assert others.succeeded, others.message
    everything = {
        "acknowledgedBy": {"ana": {"note": "n" * 256}},
        "affected": [{**thing, "kind": "j" * 63}] * THINGS,
        "summary": "S" * 4096,
        "severity": "SEV-1",
        "state": "Mitigated",
        "stateReason": "m" * 1024,
        "escalation": {"request": {"reason": "r" * 512}},
        "roles": {"commander": "c" * 253},
    }
    answer = stage.person("ana").patch("incidents", name, everything)
    assert answer.succeeded, answer.message
    assert len(answer.body["spec"]["acknowledgedBy"]) == PEOPLE
    assert set(answer.body["spec"]["setBy"].values()) == {"ana"}
