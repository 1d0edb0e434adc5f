"""Below Kubernetes 1.36 nothing fills in who acts: people type it, and the policies check it."""

import shutil
from collections.abc import Iterator

import pytest

from dev.cluster import Cluster
from dev.layout import REPOSITORY
from tests.support.people import Json, Stage, admin_client, set_stage

pytestmark = [pytest.mark.cluster, pytest.mark.feature("F60")]

MINIMAL: Json = {"title": "Checkout fails", "severity": "SEV-2", "affected": [{"service": "checkout"}]}
ACTS: dict[str, Json] = {
    "severity": {"severity": "SEV-1"},
    "state": {"state": "Mitigated", "stateReason": "traffic is shifted"},
    "escalation": {"escalation": {"request": {"reason": "nobody answers"}}},
    "roles": {"roles": {"commander": "bo"}},
}


@pytest.fixture(scope="module")
def stage(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage on a control plane of its own; `cluster` says whether there can be one."""
    manifests = tmp_path_factory.mktemp("unstamped")
    for folder in ("crds", "config/rbac", "config/admission"):
        shutil.copytree(REPOSITORY / folder, manifests / folder)
    (manifests / "config/admission/stamp.yaml").unlink()
    with (
        Cluster(tmp_path_factory.mktemp("older"), manifests=manifests) as older,
        admin_client(older) as client,
    ):
        stage = set_stage(older, client, "people-type-their-names")
        for user in ("ana", "bo"):
            stage.grant(user, "watchbill-responder")
            stage.wait_for(user, "incidents", "declare")
        yield stage


def declared(stage: Stage) -> str:
    """The name of a new incident, whose author nobody knows."""
    answer = stage.person("ana").create("incidents", MINIMAL)
    assert answer.succeeded, answer.message
    assert "setBy" not in answer.body["spec"]
    return str(answer.body["metadata"]["name"])


@pytest.mark.parametrize("author", ACTS)
def test_who_acts_types_their_name(stage, author):
    answer = stage.person("bo").patch("incidents", declared(stage), {**ACTS[author], "setBy": {author: "bo"}})
    assert answer.succeeded, answer.message
    assert answer.body["spec"]["setBy"] == {author: "bo"}


@pytest.mark.parametrize("typed", [None, "ana"], ids=["nobody", "another"])
@pytest.mark.parametrize("author", ACTS)
def test_who_names_nobody_or_another_is_told_what_to_type(stage, author, typed):
    name = declared(stage)
    act = {**ACTS[author], "setBy": {author: typed}}
    answer = stage.person("bo").patch("incidents", name, act)
    assert answer.status == 403
    assert f"spec.setBy.{author} must name you, `bo`" in answer.message
    assert f"patch them together with setBy: {{{author}: 'bo'}}" in answer.message


def test_who_acted_before_does_not_stand_for_who_acts_now(stage):
    name = declared(stage)
    first = {"severity": "SEV-1", "setBy": {"severity": "ana"}}
    assert stage.person("ana").patch("incidents", name, first).succeeded
    answer = stage.person("bo").patch("incidents", name, {"severity": "SEV-3"})
    assert answer.status == 403
    assert "spec.setBy.severity must name you, `bo`" in answer.message


def test_an_acknowledgement_is_under_the_name_of_who_gives_it(stage):
    bo, name = stage.person("bo"), declared(stage)
    assert bo.patch("incidents", name, {"acknowledgedBy": {"bo": {}}}).succeeded
    assert "you are `bo`" in bo.patch("incidents", name, {"acknowledgedBy": {"ana": {}}}).message


def test_an_update_names_its_author(stage):
    update = {"incidentRef": {"name": "checkout-500s"}, "audience": ["Internal"], "text": "We look into it."}
    assert "spec.by must name you, `bo`" in stage.person("bo").create("incidentupdates", update).message
    assert stage.person("bo").create("incidentupdates", {**update, "by": "bo"}).succeeded
