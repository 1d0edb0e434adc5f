"""Who writes a runbook, runs it, approves it, and says that something was done. No operator runs here."""

from collections.abc import Iterator

import pytest

from dev.client import Answer
from dev.cluster import Cluster
from dev.waiting import wait_until
from tests.support.people import DRY_RUN, IN_FORCE_SECONDS, Json, Stage, admin_client, set_stage
from watchbill.api.group import API_VERSION

pytestmark = [pytest.mark.cluster]

HASH = "sha256:4f1c0d9be2a7"
BOOK: Json = {
    "title": "Wait",
    "serviceAccountName": "incident-responder",
    "steps": [{"name": "first", "wait": {"duration": "1s"}}],
}


@pytest.fixture(scope="module")
def stage(cluster: Cluster) -> Iterator[Stage]:
    with admin_client(cluster) as client:
        stage = set_stage(client, "runs-by-people")
        stage.allow("ana", "runbooks", ["run"], name="book")
        stage.allow("ana", "runbookruns", ["get", "create", "patch"])
        stage.allow("bo", "runbooks", ["approve"], name="book")
        stage.allow("bo", "runbookruns", ["get", "create", "patch"])
        stage.allow("cy", "runbooks", ["create", "patch"])
        stage.allow("cy", "serviceaccounts/token", ["create"], group="", name="incident-responder")
        stage.allow("dee", "runbooks", ["create", "patch"])
        stage.allow("flo", "runbooks", ["run"], name="typed")
        stage.allow("hal", "runbooks", ["create"])
        stage.allow("hal", "serviceaccounts/token", ["create"], group="", name="incident-responder")
        stage.allow("hal", "incidents", ["resolve"])
        stage.allow("flo", "runbookruns", ["create"])
        stage.admin.create("runbooks", BOOK, name="book")
        yield stage


@pytest.fixture
def run(stage: Stage) -> str:
    """A run that ana requested."""
    spec = {"runbookRef": {"name": "book"}, "requestedBy": "ana"}
    made = stage.person("ana").create("runbookruns", spec, generateName="run-")
    assert made.succeeded, made.message
    return str(made.body["metadata"]["name"])


class TestARunbook:
    def test_acts_as_an_account_only_where_its_author_may(self, stage):
        assert stage.person("cy").create("runbooks", BOOK, generateName="by-cy-").succeeded
        answer = stage.person("dee").create("runbooks", BOOK, generateName="by-dee-")
        assert answer.status == 403
        assert "`dee` may not act as ServiceAccount `incident-responder`" in answer.message

    def test_marks_incidents_only_where_its_author_may_say_so(self, stage):
        marking = BOOK | {"steps": [BOOK["steps"][0] | {"marks": "Mitigated"}]}
        answer = stage.person("cy").create("runbooks", marking, generateName="by-cy-")
        assert answer.status == 403
        assert "`cy` needs the verb `resolve` on incidents.watchbill.dev" in answer.message
        assert stage.person("hal").create("runbooks", marking, generateName="by-hal-").succeeded

    def test_is_changed_only_by_who_may_act_as_its_account(self, stage):
        made = stage.person("cy").create("runbooks", BOOK, generateName="changed-")
        name = made.body["metadata"]["name"]
        assert stage.person("dee").patch("runbooks", name, {"title": "Else"}).status == 403
        assert stage.person("cy").patch("runbooks", name, {"title": "Else"}).succeeded


class TestARun:
    def test_is_created_by_who_holds_run_on_the_runbook(self, stage, run):
        spec = {"runbookRef": {"name": "book"}, "requestedBy": "bo"}
        answer = stage.person("bo").create("runbookruns", spec, generateName="run-")
        assert answer.status == 403
        assert "`bo` needs the verb `run` on runbook `book`" in answer.message

    def test_of_another_runbook_needs_the_verb_on_that(self, stage):
        spec = {"runbookRef": {"name": "other"}, "requestedBy": "ana"}
        assert stage.person("ana").create("runbookruns", spec, generateName="run-").status == 403

    def test_is_requested_in_nobody_elses_name(self, stage):
        spec = {"runbookRef": {"name": "book"}, "requestedBy": "bo"}
        answer = stage.person("ana").create("runbookruns", spec, generateName="run-")
        assert "spec.requestedBy must name you, `ana`" in answer.message

    @pytest.mark.parametrize(
        "field",
        [
            {"approvals": {"ana": {"planHash": HASH}}},
            {"manualDone": {"ana": {"steps": ["first"]}}},
            {"cancelledBy": {"ana": {}}},
        ],
    )
    def test_begins_with_nothing_said(self, stage, field):
        spec = {"runbookRef": {"name": "book"}, "requestedBy": "ana", **field}
        answer = stage.person("ana").create("runbookruns", spec, generateName="run-")
        assert "must be empty when a run is created" in answer.message


@pytest.mark.feature("F45")
class TestAnApproval:
    def test_is_by_somebody_else_who_holds_approve_on_the_runbook(self, stage, run):
        answer = stage.person("bo").patch("runbookruns", run, {"approvals": {"bo": {"planHash": HASH}}})
        assert answer.succeeded, answer.message

    def test_takes_the_verb(self, stage, run):
        answer = stage.person("ana").patch("runbookruns", run, {"approvals": {"ana": {"planHash": HASH}}})
        assert answer.status == 403
        assert "`ana` needs the verb `approve` on runbook `book`" in answer.message

    def test_is_written_in_nobody_elses_name(self, stage, run):
        answer = stage.person("bo").patch("runbookruns", run, {"approvals": {"cy": {"planHash": HASH}}})
        assert "spec.approvals: you are `bo`: write that key, not `cy`" in answer.message

    def test_is_not_the_requesters_even_with_the_verb(self, stage, run):
        answer = stage.admin.patch("runbookruns", run, {"approvals": {"ana": {"planHash": HASH}}})
        assert answer.status == 403

    def test_is_taken_back_by_who_gave_it(self, stage, run):
        stage.person("bo").patch("runbookruns", run, {"approvals": {"bo": {"planHash": HASH}}})
        assert stage.person("ana").patch("runbookruns", run, {"approvals": {"bo": None}}).status == 403
        assert stage.person("bo").patch("runbookruns", run, {"approvals": {"bo": None}}).succeeded


class TestWhatPeopleSay:
    def test_was_done_takes_run(self, stage, run):
        assert (
            stage.person("ana").patch("runbookruns", run, {"manualDone": {"ana": {"steps": ["a"]}}}).succeeded
        )
        answer = stage.person("bo").patch("runbookruns", run, {"manualDone": {"bo": {"steps": ["a"]}}})
        assert answer.status == 403

    @pytest.mark.parametrize("user", ["ana", "bo"])
    def test_is_to_be_called_off_takes_run_or_approve(self, stage, run, user):
        answer = stage.person(user).patch("runbookruns", run, {"cancelledBy": {user: {}}})
        assert answer.succeeded, answer.message


TYPED: Json = {
    "title": "Wait",
    "serviceAccountName": "incident-responder",
    "steps": [{"name": "first", "wait": {"duration": "1s"}}],
    "parameters": [
        {"name": "deployment", "pattern": "[a-z]+"},
        {"name": "replicas", "type": "Integer", "min": -1, "max": 20, "default": "3"},
        {"name": "force", "type": "Boolean", "default": "false"},
        {"name": "pause", "type": "Duration", "default": "5m"},
        {"name": "zone", "enum": ["a", "b"], "default": "a"},
        {"name": "service", "from": "incident.service"},
    ],
}


@pytest.fixture(scope="class")
def typed(stage: Stage) -> str:
    """The name of a runbook with a parameter of each type, once the API server holds runs to it."""
    made = stage.admin.create("runbooks", TYPED, name="typed")
    assert made.succeeded, made.message
    # Another runbook of the namespace whose pattern is none harms nobody else's runs.
    broken = {**TYPED, "parameters": [{"name": "deployment", "pattern": "["}]}
    assert stage.admin.create("runbooks", broken, name="broken").succeeded
    wait_until(
        lambda: None if not asked(stage, nothing="x").succeeded else "the policy is not in force.",
        IN_FORCE_SECONDS,
    )
    return "typed"


def asked(stage: Stage, **parameters: str) -> Answer:
    """The answer to a request of the typed runbook with these parameters; nothing is kept of it."""
    run = {"apiVersion": API_VERSION, "kind": "RunbookRun", "metadata": {"generateName": "typed-"}}
    spec = {"runbookRef": {"name": "typed"}, "parameters": parameters, "requestedBy": "flo"}
    person = stage.person("flo")
    return person.ask("POST", f"{person.path('runbookruns')}?{DRY_RUN}", {**run, "spec": spec})


@pytest.mark.feature("F39")
@pytest.mark.usefixtures("typed")
class TestParametersAreCheckedAtAdmission:
    @pytest.mark.parametrize(
        "given",
        [
            {},
            {"replicas": "-1"},
            {"replicas": "20"},
            {"force": "true"},
            {"pause": "1h30m"},
            {"zone": "b"},
            {"service": "checkout"},
        ],
    )
    def test_what_is_of_its_type_is_taken(self, stage, given):
        answer = asked(stage, deployment="web", **given)
        assert answer.succeeded, answer.message

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            (
                {"sale": "1"},
                "spec.parameters.sale: runbook `typed` has no such parameter; it has deployment,",
            ),
            ({"deployment": "Web"}, "spec.parameters.deployment: runbook `typed` takes a text that matches"),
            (
                {"deployment": "web\n"},
                "spec.parameters.deployment: runbook `typed` takes a text that matches",
            ),
            ({"replicas": "five"}, "runbook `typed` takes Integer, at least -1, at most 20"),
            ({"replicas": "21"}, "runbook `typed` takes Integer, at least -1, at most 20"),
            ({"replicas": "-2"}, "runbook `typed` takes Integer, at least -1, at most 20"),
            ({"replicas": "99999999999"}, "runbook `typed` takes Integer, at least -1, at most 20"),
            ({"force": "yes"}, "spec.parameters.force: runbook `typed` takes Boolean"),
            ({"pause": "5 minutes"}, "spec.parameters.pause: runbook `typed` takes Duration"),
            ({"zone": "c"}, "spec.parameters.zone: runbook `typed` takes one of a, b"),
        ],
    )
    def test_what_is_not_is_refused_and_not_repeated(self, stage, given, said):
        answer = asked(stage, **({"deployment": "web"} | given))
        assert (answer.status, answer.body["reason"]) == (422, "Invalid")
        assert said in answer.message
        assert f"`{next(iter(given.values()))}`" not in answer.message

    def test_what_has_no_default_must_be_given(self, stage):
        answer = asked(stage, replicas="5")
        assert answer.status == 422
        assert (
            "spec.parameters.deployment: must be given, for runbook `typed` has no default" in answer.message
        )
