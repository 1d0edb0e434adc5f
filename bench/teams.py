"""Who owns the incidents: teams, each with a namespace, a pager of its own and one policy."""

from bench.api import Api, Object, each, path_of
from watchbill.api.group import API_VERSION, DEFAULT_CLASS_ANNOTATION, SECRET_READER_ROLE

LEVELS = ("primary", "secondary", "everyone")
QUICK = "quick"
"""A team whose levels open after two seconds each."""

OTHERS = "others"
"""The namespace of the incidents that the peers page for; Watchbill takes them for ones of the past."""

SEVERITIES = ("SEV-1", "SEV-2", "SEV-3")


def team_names(count: int) -> list[str]:
    """The namespaces of so many teams."""
    return [f"team-{number:03}" for number in range(count)]


async def make_teams(api: Api, teams: int, sink_url: str) -> None:
    """Create the class, the teams, and what each of them has."""
    await api.create(f"/apis/{API_VERSION}/incidentclasses", _class())
    await api.create("/api/v1/namespaces", _named("v1", "Namespace", OTHERS))

    async def make(team: str) -> None:
        wait = "2s" if team == QUICK else "3h"
        await api.create("/api/v1/namespaces", _named("v1", "Namespace", team))
        secret = _named("v1", "Secret", "pager") | {"stringData": {"routingKey": f"{team:x>32}"}}
        await api.create(f"/api/v1/namespaces/{team}/secrets", secret)
        await api.create(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{team}/rolebindings", _binding())
        await api.create(path_of(team, "connections"), _connection(sink_url))
        await api.create(path_of(team, "escalationpolicies"), _policy(wait))

    await each([*team_names(teams), QUICK], make)


def incident(name: str, severity: str = "SEV-2", **spec: object) -> Object:
    """An incident as people declare it."""
    affected = [{"service": "checkout"}]
    said = {"title": "Checkout returns 500 for every card payment", "severity": severity}
    return _named(API_VERSION, "Incident", name) | {"spec": said | {"affected": affected} | spec}


def _named(version: str, kind: str, name: str) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}


def _class() -> Object:
    rows = [
        {"name": name, "rank": rank, "escalation": {"policyName": "on-call"}}
        for rank, name in enumerate(SEVERITIES, 1)
    ]
    found = _named(API_VERSION, "IncidentClass", "service")
    found["metadata"]["annotations"] = {DEFAULT_CLASS_ANNOTATION: "true"}
    default = {"policyRef": {"name": "on-call", "namespace": team_names(1)[0]}}
    return found | {"spec": {"severities": rows, "defaultEscalation": default}}


def _binding() -> Object:
    group = "rbac.authorization.k8s.io"
    role = {"apiGroup": group, "kind": "ClusterRole", "name": SECRET_READER_ROLE}
    account = {"kind": "ServiceAccount", "name": "watchbill", "namespace": "watchbill"}
    binding = _named(f"{group}/v1", "RoleBinding", "watchbill-secrets")
    return binding | {"roleRef": role, "subjects": [account]}


def _connection(sink_url: str) -> Object:
    pager = {"routingKeySecretRef": {"name": "pager", "key": "routingKey"}, "baseURL": sink_url}
    return _named(API_VERSION, "Connection", "pager") | {"spec": {"pagerDuty": pager}}


def _policy(wait: str) -> Object:
    target = {"connectionRef": {"name": "pager"}}
    levels = [{"name": name, "escalateAfter": wait, "targets": [target]} for name in LEVELS]
    spec = {"allowedClasses": ["service"], "levels": levels, "lastResort": {"targets": [target]}}
    return _named(API_VERSION, "EscalationPolicy", "on-call") | {"spec": spec}
