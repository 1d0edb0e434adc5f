"""Who may what in a release: the operator no more than from files, people what their roles say."""

from typing import Any

import pytest
import yaml

from dev.layout import REPOSITORY
from tests.support.chart import VALUE_FILES, Json, is_hook, named, of_kind, rendered
from watchbill.api.group import SECRET_READER_ROLE

Grants = set[tuple[str, str, str, tuple[str, ...]]]

AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"


def grants(*roles: Json) -> Grants:
    """What roles grant: group, resource, verb and the names that it is limited to."""
    return {
        (group, resource, verb, tuple(rule.get("resourceNames", ())))
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def from_files(folder: str) -> list[Json]:
    files = sorted((REPOSITORY / folder).glob("*.yaml"))
    return [each for file in files for each in yaml.safe_load_all(file.read_text())]


def bound(objects: list[Json], kind: str) -> set[tuple[Any, str]]:
    """Where and to which roles the operator is bound by bindings of a kind."""
    found = [each for each in of_kind(objects, kind) if not is_hook(each)]
    assert all(each["subjects"][0]["name"] == "watchbill" for each in found)
    return {(each["metadata"].get("namespace"), each["roleRef"]["name"]) for each in found}


FILES = from_files("config/rbac")
CLASSES = {("watchbill.dev", "incidentclasses", verb, ()) for verb in ("get", "list", "watch")}
CLASSES |= {("watchbill.dev", "incidentclasses/status", "patch", ())}


@pytest.mark.convention(33)
@pytest.mark.parametrize("file", VALUE_FILES)
def test_no_role_has_a_wildcard(file: str):
    for role in of_kind(rendered(file=file), "Role", "ClusterRole"):
        assert "*" not in str(role["rules"])


class TestTheOperatorsRole:
    def test_is_that_of_the_files(self):
        objects = rendered()
        for kind in ("ClusterRole", "Role"):
            wanted, found = (named(source, kind, "watchbill") for source in (FILES, objects))
            assert grants(found) == grants(wanted)
        assert bound(objects, "ClusterRoleBinding") == {(None, "watchbill")}
        assert bound(objects, "RoleBinding") == {("watchbill", "watchbill")}

    @pytest.mark.convention(35)
    def test_is_the_same_in_a_few_namespaces_and_elsewhere_reads_classes_alone(self):
        objects = rendered("watchNamespaces={shop,bank}")
        everywhere = named(objects, "ClusterRole", "watchbill")
        assert grants(everywhere) == CLASSES
        tenants = [
            each for each in of_kind(objects, "Role") if each["metadata"]["name"] == "watchbill-tenant"
        ]
        assert [each["metadata"]["namespace"] for each in tenants] == ["shop", "bank"]
        for role in tenants:
            assert grants(role, everywhere) == grants(named(FILES, "ClusterRole", "watchbill"))
        assert bound(objects, "ClusterRoleBinding") == {(None, "watchbill")}
        assert bound(objects, "RoleBinding") == {
            ("watchbill", "watchbill"),
            ("shop", "watchbill-tenant"),
            ("bank", "watchbill-tenant"),
        }

    def test_can_be_made_by_somebody_else(self):
        objects = [each for each in rendered("rbac.create=false", "rbac.roles=false") if not is_hook(each)]
        assert not of_kind(objects, "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")


class TestTheSecretReader:
    def test_is_that_of_the_files_and_bound_to_nobody(self):
        objects = rendered()
        wanted, found = (named(source, "ClusterRole", SECRET_READER_ROLE) for source in (FILES, objects))
        assert grants(found) == grants(wanted)
        bindings = of_kind(objects, "RoleBinding", "ClusterRoleBinding")
        assert SECRET_READER_ROLE not in {each["roleRef"]["name"] for each in bindings}

    def test_is_bound_everywhere_where_that_is_asked_for(self):
        objects = rendered("rbac.readAllSecrets=true")
        assert (None, SECRET_READER_ROLE) in bound(objects, "ClusterRoleBinding")

    def test_is_bound_in_the_namespaces_alone_that_are_watched(self):
        objects = rendered(file="namespaced-values.yaml")
        assert bound(objects, "ClusterRoleBinding") == {(None, "watchbill")}
        assert {("shop", SECRET_READER_ROLE), ("platform", SECRET_READER_ROLE)} <= bound(
            objects, "RoleBinding"
        )


@pytest.mark.convention(33)
class TestPeoplesRoles:
    def test_are_those_of_the_examples_down_to_what_they_add_to_the_clusters_own(self):
        objects = rendered()
        examples = from_files("examples/roles")
        assert len(examples) == 5
        for wanted in examples:
            found = named(objects, "ClusterRole", wanted["metadata"]["name"])
            assert grants(found) == grants(wanted)
            assert _aggregated(found) == wanted["metadata"].get("labels", {})

    @pytest.mark.parametrize("role", ["view", "edit", "admin"])
    def test_add_nothing_to_a_role_of_the_cluster_where_that_is_not_wanted(self, role: str):
        objects = rendered(f"rbac.aggregate.{role}=false")
        labels = [_aggregated(each) for each in of_kind(objects, "ClusterRole")]
        assert {each.get(AGGREGATE + role, "false") for each in labels} == {"false"}

    def test_can_be_left_out(self):
        names = {each["metadata"]["name"] for each in of_kind(rendered("rbac.roles=false"), "ClusterRole")}
        assert names == {"watchbill", SECRET_READER_ROLE}


def _aggregated(role: Json) -> dict[str, str]:
    labels = role["metadata"].get("labels", {})
    return {key: value for key, value in labels.items() if key.startswith(AGGREGATE)}
