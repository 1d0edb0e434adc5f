"""Every field of the CRDs that names another object: how far it reaches, by whose leave, proven by what."""

import re
from enum import Enum
from typing import NamedTuple

from tests.api.nodes import Node, nodes
from watchbill.api.kinds import KINDS

_BY_NAME = re.compile(r"Refs?$|[a-z]Names?$|^namespaces?$")
_KINDS = {kind.name.lower() for kind in KINDS} | {kind.plural for kind in KINDS}
_KINDS |= {"secret", "configmap", "serviceaccount", "policy", "class", "schedule", "route"}


class Reach(Enum):
    """How far a reference reaches, and by whose leave."""

    HOME = "an object of the referrer's own namespace: there is no field for another"
    CLUSTER = "an object that stands in no namespace"
    NAMESPACES = "another namespace's, which lists the referrer's in `allowedNamespaces`"
    CLASSES = "a namespace's, which lists the class in `allowedClasses`"
    ACCOUNT = "what the run's account may touch by RBAC, within `spec.scope.namespaces`"
    NOTHING = "nothing: it is text, and no object is looked for"
    STATUS = "what the operator wrote of its own decision, and nobody else can"


class Entry(NamedTuple):
    """What one field names, how far that reaches, and the test that proves it, as `file::function`."""

    names: str
    reach: Reach
    proof: str


_FIELDS = "tests/core/test_grants.py::test_a_page_goes_where_the_connection_grants_its_use_and_nowhere_else"
_CHANNEL = (
    "tests/core/test_grants.py::test_a_channel_is_made_where_its_connection_grants_its_use_to_the_class"
)
_DEFAULT = "tests/shell/test_grants.py::test_the_default_policy_pages_where_it_grants_its_use_to_the_class"
_SECRETS = "tests/shell/test_grants.py::test_a_secret_is_read_in_the_namespace_of_its_connection_alone"
_POLICY = "tests/shell/test_grants.py::test_a_policy_of_another_namespace_is_not_found_by_its_name"
_INCIDENT = "tests/shell/test_grants.py::test_an_update_is_about_an_incident_of_its_own_namespace_alone"
_RUN = "tests/shell/test_grants.py::test_a_run_finds_nothing_of_another_namespace_by_name"
_STEP_SECRETS = "tests/shell/test_grants.py::test_a_step_reads_secrets_of_its_own_namespace_alone"
_SCOPE = "tests/core/test_grants.py::test_a_step_leaves_alone_what_is_out_of_the_runbooks_scope"
_STATUS = "tests/integration/test_tenancy.py::test_nobody_but_the_operator_writes_what_an_incident_refers_to"
_RUN_STATUS = "tests/integration/test_runs_rbac_matrix.py::test_a_persona_does_what_each_right_of_theirs_allows_and_nothing_else"  # noqa: E501 - a path
_PREVIEW = "tests/shell/test_grants.py::test_a_forged_preview_grants_nothing"
_CLASS = "tests/core/test_references.py::test_an_incident_names_a_class_only_where_it_says_so"
_TEXT = "tests/api/test_reference_fields.py::test_what_is_affected_is_looked_for_nowhere"
_RULE = "tests/core/steps/test_traffic.py::test_finds_a_rule_by_its_place_or_by_being_alone"

TABLE: dict[str, Entry] = {
    "Connection.spec.pagerDuty.routingKeySecretRef": Entry("Secret", Reach.HOME, _SECRETS),
    "Connection.spec.slack.botTokenSecretRef": Entry("Secret", Reach.HOME, _SECRETS),
    "Connection.spec.smtp.passwordSecretRef": Entry("Secret", Reach.HOME, _SECRETS),
    "Connection.spec.smtp.usernameSecretRef": Entry("Secret", Reach.HOME, _SECRETS),
    "Connection.spec.webhook.signingKeySecretRef": Entry("Secret", Reach.HOME, _SECRETS),
    "Connection.spec.webhook.urlSecretRef": Entry("Secret", Reach.HOME, _SECRETS),
    "EscalationPolicy.spec.lastResort.targets[].connectionRef": Entry(
        "Connection", Reach.NAMESPACES, _FIELDS
    ),
    "EscalationPolicy.spec.lastResort.targets[].fallback[].connectionRef": Entry(
        "Connection", Reach.NAMESPACES, _FIELDS
    ),
    "EscalationPolicy.spec.levels[].targets[].connectionRef": Entry("Connection", Reach.NAMESPACES, _FIELDS),
    "EscalationPolicy.spec.levels[].targets[].fallback[].connectionRef": Entry(
        "Connection", Reach.NAMESPACES, _FIELDS
    ),
    "EscalationPolicy.status.preview[].how[].connection": Entry("Connection", Reach.STATUS, _PREVIEW),
    "Incident.spec.affected[]": Entry("what is affected", Reach.NOTHING, _TEXT),
    "Incident.spec.classRef": Entry("IncidentClass", Reach.CLUSTER, _CLASS),
    "Incident.status.class.severities[].escalation.policyName": Entry(
        "EscalationPolicy", Reach.STATUS, _STATUS
    ),
    "Incident.status.class.severities[].response.channel.connectionRef": Entry(
        "Connection", Reach.STATUS, _STATUS
    ),
    "Incident.status.pages[].hops[].connection": Entry("Connection", Reach.STATUS, _STATUS),
    "Incident.status.pages[].hops[].namespace": Entry("its namespace", Reach.STATUS, _STATUS),
    "Incident.status.policy": Entry("EscalationPolicy", Reach.STATUS, _STATUS),
    "Incident.status.policy.lastResort.targets[].connectionRef": Entry("Connection", Reach.STATUS, _STATUS),
    "Incident.status.policy.lastResort.targets[].fallback[].connectionRef": Entry(
        "Connection", Reach.STATUS, _STATUS
    ),
    "Incident.status.policy.levels[].targets[].connectionRef": Entry("Connection", Reach.STATUS, _STATUS),
    "Incident.status.policy.levels[].targets[].fallback[].connectionRef": Entry(
        "Connection", Reach.STATUS, _STATUS
    ),
    "Incident.status.resources.channel": Entry("Connection", Reach.STATUS, _STATUS),
    "Incident.status.resources.channel.connection": Entry("Connection", Reach.STATUS, _STATUS),
    "Incident.status.runbooks.started[].runbook": Entry("Runbook", Reach.STATUS, _STATUS),
    "Incident.status.updates.lastName": Entry("IncidentUpdate", Reach.STATUS, _STATUS),
    "IncidentClass.spec.defaultEscalation.policyRef": Entry("EscalationPolicy", Reach.CLASSES, _DEFAULT),
    "IncidentClass.spec.severities[].escalation.policyName": Entry("EscalationPolicy", Reach.HOME, _POLICY),
    "IncidentClass.spec.severities[].response.channel.connectionRef": Entry(
        "Connection", Reach.CLASSES, _CHANNEL
    ),
    "IncidentUpdate.spec.incidentRef": Entry("Incident", Reach.HOME, _INCIDENT),
    "Runbook.spec.scope.namespaces": Entry("namespaces", Reach.ACCOUNT, _SCOPE),
    "Runbook.spec.serviceAccountName": Entry("ServiceAccount", Reach.HOME, _RUN),
    "Runbook.spec.steps[].check.http.authorizationSecretRef": Entry("Secret", Reach.HOME, _STEP_SECRETS),
    "Runbook.spec.steps[].check.promQL.authorizationSecretRef": Entry("Secret", Reach.HOME, _STEP_SECRETS),
    "Runbook.spec.steps[].check.targetRef": Entry("any object", Reach.ACCOUNT, _SCOPE),
    "Runbook.spec.steps[].flag.flagd.configMapKeyRef": Entry("ConfigMap", Reach.ACCOUNT, _SCOPE),
    "Runbook.spec.steps[].flag.launchDarkly.authorizationSecretRef": Entry(
        "Secret", Reach.HOME, _STEP_SECRETS
    ),
    "Runbook.spec.steps[].flag.unleash.authorizationSecretRef": Entry("Secret", Reach.HOME, _STEP_SECRETS),
    "Runbook.spec.steps[].http.authorizationSecretRef": Entry("Secret", Reach.HOME, _STEP_SECRETS),
    "Runbook.spec.steps[].job.env[].valueSecretRef": Entry("Secret", Reach.HOME, _STEP_SECRETS),
    "Runbook.spec.steps[].kubernetes.targetRef": Entry("any object", Reach.ACCOUNT, _SCOPE),
    "Runbook.spec.steps[].notify.connectionRef": Entry("Connection", Reach.HOME, _RUN),
    "Runbook.spec.steps[].rollback.targetRef": Entry("a workload", Reach.ACCOUNT, _SCOPE),
    "Runbook.spec.steps[].runbook.runbookRef": Entry("Runbook", Reach.HOME, _RUN),
    "Runbook.spec.steps[].traffic.ruleName": Entry("a rule within the target", Reach.NOTHING, _RULE),
    "Runbook.spec.steps[].traffic.targetRef": Entry("HTTPRoute", Reach.ACCOUNT, _SCOPE),
    "RunbookRun.spec.incidentRef": Entry("Incident", Reach.HOME, _RUN),
    "RunbookRun.spec.parentRef": Entry("RunbookRun", Reach.HOME, _RUN),
    "RunbookRun.spec.runbookRef": Entry("Runbook", Reach.HOME, _RUN),
    "RunbookRun.status.steps[].outputRef": Entry("ConfigMap", Reach.STATUS, _RUN_STATUS),
}
"""By path; what a step undoes and verifies refers as it does itself."""


def found() -> dict[str, Node]:
    """Every field that refers, by the path that the table has: found by its name or by its shape."""
    by_path: dict[str, Node] = {}
    for node in nodes():
        parent = _as_in_table(node.path.rpartition(".")[0])
        inner = node.field.startswith("namespace") and parent in by_path
        if _refers(node) and not inner:
            by_path.setdefault(_as_in_table(node.path), node)
    return {path: node for path, node in by_path.items() if path[:-2] not in by_path}


def _refers(node: Node) -> bool:
    fields = node.schema.get("properties", {})
    if "name" in fields and ("kind" in fields or "namespace" in fields):
        return True
    name = node.field.rstrip("[]{}")
    if _BY_NAME.search(name):
        return True
    is_word = "enum" in node.schema or "Known values: " in node.schema.get("description", "")
    return name.lower() in _KINDS and node.schema["type"] in ("string", "array") and not is_word


def _as_in_table(path: str) -> str:
    return path.replace("steps[].undo.", "steps[].").replace("steps[].verify.", "steps[].check.")
