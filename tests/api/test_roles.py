"""The roles that ship: the operator's holds what it needs and no more, and people's grant the verbs."""

from typing import Any

import pytest
import yaml

from dev.layout import REPOSITORY
from watchbill.api.group import DEFAULT_OPERATOR_USER, GROUP, SECRET_READER_ROLE
from watchbill.api.kinds import KINDS
from watchbill.api.verbs import VERB_OF

READS = {"get", "list", "watch"}
FOLDERS = ("config/rbac", "examples/roles")
SHIPPED: list[dict[str, Any]] = [
    document
    for folder in FOLDERS
    for file in sorted((REPOSITORY / folder).glob("*.yaml"))
    for document in yaml.safe_load_all(file.read_text())
]
ROLES = [each for each in SHIPPED if each["kind"] in {"ClusterRole", "Role"}]


def granted(name: str, kind: str = "ClusterRole") -> dict[str, set[str]]:
    """The verbs that a role grants on each resource."""
    (role,) = [each for each in ROLES if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    found: dict[str, set[str]] = {}
    for rule in role["rules"]:
        for resource in rule["resources"]:
            found.setdefault(resource, set()).update(rule["verbs"])
    return found


@pytest.mark.parametrize("role", ROLES, ids=lambda role: f"{role['kind']} {role['metadata']['name']}")
def test_a_role_has_no_wildcard(role):
    for rule in role["rules"]:
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]


class TestTheOperatorsRole:
    def test_reads_every_kind_and_patches_its_status_and_writes_nothing_else_of_ours(self):
        role = granted("watchbill")
        for kind in KINDS:
            assert role.pop(kind.plural) == READS | ({"create"} if kind.name == "RunbookRun" else set())
            assert role.pop(f"{kind.plural}/status") == {"patch"}
        assert role == {"events": {"create", "patch"}}

    def test_holds_one_lease_in_its_own_namespace(self):
        assert granted("watchbill", "Role") == {"leases": {"create", "get", "update"}}
        (role,) = [each for each in ROLES if each["kind"] == "Role"]
        assert role["metadata"]["namespace"] == "watchbill"
        named = [rule["verbs"] for rule in role["rules"] if rule.get("resourceNames") == ["watchbill"]]
        assert named == [["get", "update"]]

    def test_is_bound_to_the_default_user_and_the_secret_reader_to_nobody(self):
        bound = [each for each in SHIPPED if each["kind"].endswith("Binding")]
        for each in bound:
            (subject,) = each["subjects"]
            user = f"system:serviceaccount:{subject['namespace']}:{subject['name']}"
            assert user == DEFAULT_OPERATOR_USER
        assert {each["roleRef"]["name"] for each in bound} == {"watchbill"}

    def test_reads_no_secret_unless_a_namespace_binds_the_reader(self):
        holders = [each["metadata"]["name"] for each in ROLES if "secrets" in str(each["rules"])]
        assert holders == [SECRET_READER_ROLE]
        assert granted(SECRET_READER_ROLE) == {"secrets": {"get"}}


class TestPeoplesRoles:
    def test_a_responder_holds_every_verb_that_guards_a_field(self):
        assert granted("watchbill-responder")["incidents"] >= {*VERB_OF.values(), "create", "patch"}
        assert "create" in granted("watchbill-responder")["incidentupdates"]

    def test_a_declarer_holds_declare_and_no_other_verb_that_guards_a_field(self):
        assert granted("watchbill-declarer")["incidents"] & set(VERB_OF.values()) == {"declare"}

    def test_an_approver_posts_nothing(self):
        assert granted("watchbill-approver")["incidentupdates"] == READS | {"patch", "approve"}

    def test_an_approver_runs_nothing_and_a_responder_approves_nothing(self):
        approver, responder = granted("watchbill-approver"), granted("watchbill-responder")
        assert (approver["runbooks"], approver["runbookruns"]) == (READS | {"approve"}, READS | {"patch"})
        assert responder["runbooks"] == READS | {"run"}
        assert responder["runbookruns"] == READS | {"create", "patch"}

    def test_a_viewer_reads_every_kind_and_writes_none(self):
        assert granted("watchbill-viewer") == {kind.plural: READS for kind in KINDS}

    def test_a_team_admin_writes_what_git_owns_in_a_namespace(self):
        role = granted("watchbill-team-admin")
        writers = {resource for resource, verbs in role.items() if verbs & {"create", "update", "patch"}}
        assert writers == {"escalationpolicies", "connections", "runbooks"}

    def test_nobody_writes_status(self):
        people = [each for each in ROLES if each["metadata"]["name"].startswith("watchbill-")]
        assert [each["metadata"]["name"] for each in people if "/status" in str(each["rules"])] == []
        assert {group for each in people for rule in each["rules"] for group in rule["apiGroups"]} == {
            GROUP,
            "",
        }
