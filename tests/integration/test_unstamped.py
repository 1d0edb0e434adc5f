"""Below Kubernetes 1.36 nothing fills in who acts: people type it, and the policies check it."""

from collections.abc import Iterator

import httpx
import pytest
import yaml

from dev.layout import REPOSITORY
from dev.waiting import wait_until
from tests.support.people import IN_FORCE_SECONDS, Json, Stage, set_stage

pytestmark = [pytest.mark.cluster, pytest.mark.feature("F60")]

MINIMAL: Json = {"title": "Checkout fails", "severity": "SEV-2", "affected": [{"service": "checkout"}]}
ACTS: dict[str, Json] = {
    "severity": {"severity": "SEV-1"},
    "state": {"state": "Mitigated", "stateReason": "traffic is shifted"},
    "escalation": {"escalation": {"request": {"reason": "nobody answers"}}},
    "roles": {"roles": {"commander": "bo"}},
}
UPDATE: Json = {
    "incidentRef": {"name": "checkout-500s"},
    "audience": ["Internal"],
    "text": "We look into it.",
}
STAMPS = yaml.safe_load_all((REPOSITORY / "config/admission/stamp.yaml").read_text())
BINDINGS = [each["metadata"]["name"] for each in STAMPS if each["kind"] == "MutatingAdmissionPolicyBinding"]
STAMP_PATH = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings"


@pytest.fixture(scope="module")
def stage(administrator: httpx.Client) -> Iterator[Stage]:
    """A namespace that none of the policies that fill in names is bound to, as on a server below 1.36."""
    stage = set_stage(administrator, "people-type-their-names")
    for user in ("ana", "bo"):
        stage.grant(user, "watchbill-responder")
        stage.wait_for(user, "incidents", "declare")
    key, name = "kubernetes.io/metadata.name", stage.namespace
    elsewhere = {"matchExpressions": [{"key": key, "operator": "NotIn", "values": [name]}]}
    bind(stage, {"namespaceSelector": elsewhere})
    wait_until(lambda: stamp(stage), IN_FORCE_SECONDS)
    yield stage
    bind(stage, None)


def bind(stage: Stage, resources: Json | None) -> None:
    """Has the policies that fill in names bound to these resources alone, or to all again."""
    for name in BINDINGS:
        change = {"spec": {"matchResources": resources}}
        answer = stage.admin.ask("PATCH", f"{STAMP_PATH}/{name}", change)
        assert answer.succeeded, answer.message


def stamp(stage: Stage) -> str | None:
    """What a policy still fills in."""
    ana = stage.person("ana")
    made = (ana.create("incidents", MINIMAL), ana.create("incidentupdates", UPDATE))
    filled = [answer for answer in made if answer.succeeded and {"setBy", "by"} & answer.body["spec"].keys()]
    return f"a name is filled in: {filled}" if filled else None


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
    assert "spec.by must name you, `bo`" in stage.person("bo").create("incidentupdates", UPDATE).message
    assert stage.person("bo").create("incidentupdates", {**UPDATE, "by": "bo"}).succeeded
