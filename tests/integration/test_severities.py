"""A severity that people set is one of the class's matrix, where the incident has a class.

No operator runs here.
"""

from collections.abc import Iterator

import pytest

from dev.cluster import Cluster
from dev.waiting import wait_until
from tests.support.people import IN_FORCE_SECONDS, Json, Stage, admin_client, set_stage
from watchbill.api.group import DEFAULT_CLASS_ANNOTATION, DEFAULT_OPERATOR_USER

pytestmark = [pytest.mark.cluster, pytest.mark.feature("F60")]

INCIDENT: Json = {"title": "Checkout fails", "severity": "SEV-2", "affected": [{"service": "checkout"}]}


@pytest.fixture(scope="module")
def stage(cluster: Cluster) -> Iterator[Stage]:
    with admin_client(cluster) as client:
        stage = set_stage(client, "severities-and-classes")
        stage.grant("ana", "watchbill-responder")
        stage.wait_for("ana", "incidents", "declare")
        stage.allow(DEFAULT_OPERATOR_USER, "incidents", ["create"])
        yield stage


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
    wait_until(lambda: _refused(stage), IN_FORCE_SECONDS)


def _let_through(stage: Stage, spec: Json) -> str | None:
    answer = stage.person("ana").create("incidents", {**INCIDENT, **spec})
    return "a severity is taken that the class does not know." if answer.succeeded else None


def _refused(stage: Stage) -> str | None:
    answer = stage.person("ana").create("incidents", INCIDENT)
    return None if answer.succeeded else answer.message


class TestASeverity:
    def test_is_one_of_the_named_class(self, stage, matrix):
        spec = {**INCIDENT, "classRef": {"name": matrix}}
        assert stage.person("ana").create("incidents", {**spec, "severity": "Minor"}).succeeded
        answer = stage.person("ana").create("incidents", spec)
        assert answer.status == 422
        assert (
            f"`SEV-2` is not a severity of IncidentClass `{matrix}`: use one of Major, Minor, "
            "or name another class in spec.classRef"
        ) in answer.message

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
        made = stage.person("ana").create("incidents", INCIDENT)
        assert made.succeeded, made.message
        path = stage.admin.path("incidentclasses", matrix)
        default = {"metadata": {"annotations": {DEFAULT_CLASS_ANNOTATION: "true"}}}
        assert stage.admin.ask("PATCH", path, default).succeeded
        wait_until(lambda: _let_through(stage, {}), IN_FORCE_SECONDS)
        answer = stage.person("ana").create("incidents", INCIDENT)
        assert f"`SEV-2` is not a severity of IncidentClass `{matrix}`: use one of Major" in answer.message
        name = made.body["metadata"]["name"]
        assert stage.person("ana").patch("incidents", name, {"title": "An old one is worked on"}).succeeded

    def test_of_an_alert_is_taken_as_it_comes(self, stage, matrix):
        spec = {**INCIDENT, "classRef": {"name": matrix}, "severity": "page"}
        assert stage.person(DEFAULT_OPERATOR_USER).create("incidents", spec).succeeded
