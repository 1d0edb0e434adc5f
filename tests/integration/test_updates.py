"""Who posts an update, and who approves it.

No operator runs here.
"""

from collections.abc import Iterator

import pytest

from dev.cluster import Cluster
from tests.support.people import Json, Stage, admin_client, set_stage
from watchbill.api.group import DEFAULT_OPERATOR_USER

pytestmark = [pytest.mark.cluster, pytest.mark.feature("F60")]

UPDATE: Json = {
    "incidentRef": {"name": "checkout-500s"},
    "audience": ["Internal"],
    "text": "We are looking into it.",
}


@pytest.fixture(scope="module")
def stage(cluster: Cluster) -> Iterator[Stage]:
    with admin_client(cluster) as client:
        stage = set_stage(client, "updates-and-approvals")
        stage.grant("ana", "watchbill-responder")
        stage.grant("bo", "watchbill-approver")
        stage.wait_for("ana", "incidentupdates", "create")
        stage.wait_for("bo", "incidentupdates", "approve")
        stage.allow("ana", "incidentupdates", ["patch"])
        stage.allow("author", "incidentupdates", ["create", "patch", "approve"])
        stage.allow(DEFAULT_OPERATOR_USER, "incidentupdates", ["create", "patch"])
        yield stage


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
