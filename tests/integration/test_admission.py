"""What the API server refuses and fills in where an Incident begins and ends, and who is named there.

No operator runs here: `status` is written by the administrator where a test needs one.
"""

import json
from collections.abc import Iterator

import httpx
import pytest

from dev.cluster import Cluster
from dev.waiting import wait_until
from tests.support.people import IN_FORCE_SECONDS, Json, Stage, admin_client, set_stage
from watchbill.api.group import DEFAULT_OPERATOR_USER

pytestmark = [pytest.mark.cluster, pytest.mark.feature("F60")]

MINIMAL: Json = {"title": "Checkout fails", "severity": "SEV-2", "affected": [{"service": "checkout"}]}
MITIGATED: Json = {"state": "Mitigated", "stateReason": "traffic is shifted"}


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> Iterator[httpx.Client]:
    with admin_client(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def stage(client: httpx.Client) -> Stage:
    stage = set_stage(client, "where-incidents-begin-and-end")
    for user in ("ana", "bo"):
        stage.grant(user, "watchbill-responder")
        stage.wait_for(user, "incidents", "declare")
    stage.allow("ana", "incidents", ["delete"])
    stage.allow("caller", "incidents", ["get", "create"])
    stage.allow(DEFAULT_OPERATOR_USER, "incidents", ["get", "create", "patch"])
    return stage


def declared(stage: Stage, user: str = "ana", **spec: object) -> str:
    """The name of a new incident that this person declared."""
    answer = stage.person(user).create("incidents", {**MINIMAL, **spec})
    assert answer.succeeded, answer.message
    return str(answer.body["metadata"]["name"])


def in_phase(stage: Stage, phase: str) -> str:
    """The name of an incident of which the status says that it is in this phase."""
    name = declared(stage)
    answer = stage.admin.patch("incidents", name, {"phase": phase}, subresource="status")
    assert answer.succeeded, answer.message
    return name


class TestADeclaration:
    def test_takes_nothing_but_the_verb_create(self, stage):
        answer = stage.person("caller").create("incidents", MINIMAL)
        assert answer.succeeded, answer.message
        assert answer.body["spec"]["setBy"] == {"declaration": "caller"}

    @pytest.mark.parametrize("field", ["declaration", "severity", "state", "escalation", "roles"])
    def test_may_name_its_author_and_nobody_else(self, stage, field):
        ana = stage.person("ana")
        assert ana.create("incidents", {**MINIMAL, "setBy": {field: "ana"}}).succeeded
        answer = ana.create("incidents", {**MINIMAL, "setBy": {field: "bo"}})
        assert answer.status == 403
        assert f"spec.setBy.{field} must name you, `ana`" in answer.message

    @pytest.mark.parametrize("user", ["ana", "bo"])
    def test_keeps_its_author(self, stage, user):
        name = declared(stage, "ana")
        for author in ("bo", "cy", None):
            answer = stage.person(user).patch("incidents", name, {"setBy": {"declaration": author}})
            assert answer.status == 403
            assert f"spec.setBy.declaration must name you, `{user}`, when you declare" in answer.message
            assert "must not change: leave it as it is" in answer.message

    @pytest.mark.parametrize("user", ["ana", DEFAULT_OPERATOR_USER])
    def test_acknowledges_nothing_beforehand(self, stage, user):
        answer = stage.person(user).create("incidents", {**MINIMAL, "acknowledgedBy": {user: {}}})
        assert answer.status == 422
        assert "spec.acknowledgedBy must be empty when an incident is declared" in answer.message
        how = f"kubectl patch --type=merge -p \"spec: {{acknowledgedBy: {{'{user}': {{}}}}}}\""
        assert f"acknowledge as `{user}` with {how}" in answer.message

    def test_escalates_nothing_beforehand(self, stage):
        wish = {"request": {"reason": "at once"}}
        answer = stage.person("ana").create("incidents", {**MINIMAL, "escalation": wish})
        assert answer.status == 422
        assert "spec.escalation must be empty when an incident is declared: declare it" in answer.message

    @pytest.mark.parametrize("mode", ["Live", "Drill"])
    @pytest.mark.parametrize("state", [{"state": "Open"}, MITIGATED, {"stateReason": "so it is"}])
    def test_starts_without_a_state(self, stage, mode, state):
        answer = stage.person("ana").create("incidents", {**MINIMAL, **state, "mode": mode})
        assert answer.status == 422
        assert "spec.state and spec.stateReason must be absent" in answer.message
        assert "or set spec.mode to Backfill to record an incident of the past" in answer.message

    def test_of_the_past_has_a_state_where_its_author_may_resolve(self, stage):
        past = {**MINIMAL, "mode": "Backfill", "state": "Resolved", "stateReason": "last week"}
        assert stage.person("ana").create("incidents", past).succeeded
        answer = stage.person("caller").create("incidents", past)
        assert answer.status == 403
        assert "`caller` needs the verb `resolve` on incidents.watchbill.dev" in answer.message

    def test_may_hold_empty_maps_and_roles(self, stage):
        spec = {"acknowledgedBy": {}, "escalation": {}, "roles": {"commander": "bo"}}
        assert stage.person("caller").create("incidents", {**MINIMAL, **spec}).succeeded

    def test_by_the_operator_names_the_chat_user(self, stage):
        spec = {**MINIMAL, "setBy": {"declaration": "bo"}}
        answer = stage.person(DEFAULT_OPERATOR_USER).create("incidents", spec)
        assert answer.succeeded, answer.message
        assert answer.body["spec"]["setBy"] == {"declaration": "bo"}


ENDED_ACTS: dict[str, Json] = {
    "an acknowledgement": {"acknowledgedBy": {"ana": {}}},
    "a state": {"state": "Open", "stateReason": "back again"},
    "a severity": {"severity": "SEV-1"},
    "an escalation": {"escalation": {"request": {"reason": "still there"}}},
    "a commander": {"roles": {"commander": "ana"}},
}


class TestAnEndedIncident:
    @pytest.mark.parametrize("act", ENDED_ACTS)
    @pytest.mark.parametrize("user", ["ana", DEFAULT_OPERATOR_USER])
    @pytest.mark.parametrize("phase", ["Closed", "Cancelled"])
    def test_takes_no_more_acts(self, stage, phase, user, act):
        answer = stage.person(user).patch("incidents", in_phase(stage, phase), ENDED_ACTS[act])
        assert answer.status == 422
        assert f"this incident is {phase} and takes no more acts: declare a new one" in answer.message

    @pytest.mark.parametrize("phase", ["Closed", "Cancelled"])
    def test_is_still_corrected_labeled_and_told_of(self, stage, phase):
        name, ana = in_phase(stage, phase), stage.person("ana")
        words = {"title": "Checkout failed", "summary": "for an hour", "affected": None}
        assert ana.patch("incidents", name, words).succeeded
        labels = {"metadata": {"labels": {"postmortem": "due"}}}
        assert ana.ask("PATCH", ana.path("incidents", name), labels).succeeded

    @pytest.mark.parametrize("act", ENDED_ACTS)
    def test_is_not_one_that_is_resolved(self, stage, act):
        answer = stage.person("ana").patch("incidents", in_phase(stage, "Resolved"), ENDED_ACTS[act])
        assert answer.succeeded, answer.message


class TestADeletion:
    @pytest.mark.parametrize("phase", ["Pending", "Triggered", "Acknowledged", "Mitigated"])
    def test_of_an_open_incident_is_refused(self, stage, phase):
        for user in ("ana", None):
            name = in_phase(stage, phase)
            answer = (stage.person(user) if user else stage.admin).delete("incidents", name)
            assert answer.status == 403
            assert "an open incident must not be deleted: set spec.state to Resolved" in answer.message

    def test_of_an_incident_that_no_operator_has_seen_is_refused(self, stage):
        assert stage.person("ana").delete("incidents", declared(stage)).status == 403

    @pytest.mark.parametrize("phase", ["Resolved", "Closed", "Cancelled"])
    def test_of_one_that_is_over_is_let_through(self, stage, phase):
        assert stage.person("ana").delete("incidents", in_phase(stage, phase)).succeeded

    @pytest.mark.parametrize("state", ["Resolved", "Cancelled"])
    def test_waits_for_no_operator_where_people_said_that_it_is_over(self, stage, state):
        name, ana = declared(stage), stage.person("ana")
        assert ana.patch("incidents", name, {"state": state, "stateReason": "it is over"}).succeeded
        assert ana.delete("incidents", name).succeeded

    @pytest.mark.parametrize("mode", ["Drill", "Backfill"])
    def test_of_what_pages_nobody_is_let_through(self, stage, mode):
        assert stage.person("ana").delete("incidents", declared(stage, mode=mode)).succeeded

    def test_of_a_namespace_does_not_hang_on_its_open_incidents(self, client):
        ending = set_stage(client, "a-namespace-that-ends")
        name = ending.admin.create("incidents", MINIMAL).body["metadata"]["name"]
        assert ending.admin.delete("incidents", name).status == 403
        assert ending.admin.ask("DELETE", f"/api/v1/namespaces/{ending.namespace}").succeeded

        def refused() -> str | None:
            answer = ending.admin.delete("incidents", name)
            return None if answer.succeeded else answer.message

        wait_until(refused, IN_FORCE_SECONDS)


class TestTheStamp:
    """From Kubernetes 1.36 on nobody types their own name."""

    def test_names_who_acts_over_who_acted_before(self, stage):
        name = declared(stage, "ana", severity="SEV-3")
        assert stage.person("ana").patch("incidents", name, {"severity": "SEV-2"}).succeeded
        answer = stage.person("bo").patch("incidents", name, {"severity": "SEV-1"})
        assert answer.body["spec"]["setBy"] == {"declaration": "ana", "severity": "bo"}

    @pytest.mark.parametrize("author", [{"setBy": {"severity": "cy"}}, {"setBy": {"severity": "ana"}}])
    def test_leaves_a_typed_name_for_the_policies_to_judge(self, stage, author):
        name = declared(stage, "ana", severity="SEV-3")
        answer = stage.person("bo").patch("incidents", name, {"severity": "SEV-1", **author})
        assert answer.status == 403
        assert "spec.setBy.severity must name you, `bo`" in answer.message

    @pytest.mark.parametrize(
        ("act", "author"),
        [
            ({"severity": "SEV-1"}, "severity"),
            (MITIGATED, "state"),
            ({"escalation": {"request": {"reason": "nobody answers"}}}, "escalation"),
            ({"roles": {"commander": "bo"}}, "roles"),
        ],
    )
    def test_names_the_author_of_each_act(self, stage, act, author):
        answer = stage.person("bo").patch("incidents", declared(stage), act)
        assert answer.body["spec"]["setBy"] == {"declaration": "ana", author: "bo"}

    @pytest.mark.parametrize(
        "act",
        [
            {"severity": "SEV-2", "setBy": {"severity": "bo"}},
            {**MITIGATED, "setBy": {"state": "bo"}},
        ],
    )
    def test_leaves_no_trace_of_a_patch_that_repeats_what_is_there(self, stage, act):
        name = declared(stage)
        before = stage.person("ana").patch("incidents", name, MITIGATED)
        after = stage.person("bo").patch("incidents", name, act)
        assert after.succeeded, after.message
        assert after.body["metadata"]["generation"] == before.body["metadata"]["generation"]
        assert after.body["spec"]["setBy"] == {"declaration": "ana", "state": "ana"}

    def test_leaves_no_difference_where_a_manifest_is_applied_twice(self, stage, kubectl):
        manifest = {
            "apiVersion": "watchbill.dev/v1alpha1",
            "kind": "Incident",
            "metadata": {"name": "applied-twice", "namespace": stage.namespace},
            "spec": MINIMAL,
        }
        seen = []
        for _ in range(2):
            kubectl("apply", "--server-side", "-f", "-", input=json.dumps(manifest))
            path = stage.admin.path("incidents", "applied-twice")
            seen.append(stage.admin.ask("GET", path).body["spec"])
        assert seen[0] == seen[1]
        assert seen[0]["setBy"] == {"declaration": "admin"}

    def test_does_not_touch_what_the_operator_writes(self, stage):
        operator = stage.person(DEFAULT_OPERATOR_USER)
        made = operator.create("incidents", MINIMAL)
        assert "setBy" not in made.body["spec"]
        answer = operator.patch("incidents", made.body["metadata"]["name"], {"severity": "SEV-1"})
        assert "setBy" not in answer.body["spec"]
