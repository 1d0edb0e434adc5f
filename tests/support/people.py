"""Persons at the API server: whoever a test wants, by impersonation, in a namespace of its own."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from dev.client import Answer
from dev.cluster import Cluster
from dev.layout import REPOSITORY
from dev.waiting import wait_until
from watchbill.api.group import API_VERSION, GROUP
from watchbill.api.kinds import KINDS

Json = dict[str, Any]

RBAC = "/apis/rbac.authorization.k8s.io/v1"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
IN_FORCE_SECONDS = 20.0

_KIND_OF = {kind.plural: kind.name for kind in KINDS}
_CLUSTER_WIDE = {kind.plural for kind in KINDS if kind.scope == "Cluster"}


@dataclass(frozen=True)
class Person:
    """A user in one namespace; `admin`, who is in no need of RBAC, where no name is given."""

    client: httpx.Client
    namespace: str
    user: str | None = None

    def create(self, plural: str, spec: Json, **metadata: Any) -> Answer:
        """The answer to the creation of an object; without a name the server finds one."""
        kind = {"apiVersion": API_VERSION, "kind": _KIND_OF[plural]}
        metadata = metadata or {"generateName": "test-"}
        return self.ask("POST", self.path(plural), {**kind, "metadata": metadata, "spec": spec})

    def patch(self, plural: str, name: str, spec: Json, subresource: str = "") -> Answer:
        """The answer to a merge patch of the spec, or of the subresource `status`."""
        path = self.path(plural, name) + (f"/{subresource}" if subresource else "")
        return self.ask("PATCH", path, {subresource or "spec": spec})

    def delete(self, plural: str, name: str) -> Answer:
        """The answer to the deletion of an object."""
        return self.ask("DELETE", self.path(plural, name))

    def ask(self, method: str, path: str, body: Json | None = None) -> Answer:
        """The answer to any request."""
        headers = {} if self.user is None else {"Impersonate-User": self.user}
        if method == "PATCH":
            headers["Content-Type"] = "application/merge-patch+json"
        answer = self.client.request(method, path, json=body, headers=headers)
        return Answer(answer.status_code, answer.json())

    def path(self, plural: str, name: str = "") -> str:
        """The path of a resource of ours, or of one object."""
        scope = "" if plural in _CLUSTER_WIDE else f"/namespaces/{self.namespace}"
        return f"/apis/{API_VERSION}{scope}/{plural}" + (f"/{name}" if name else "")


@dataclass(frozen=True)
class Stage:
    """A namespace, and the persons who act in it; `admin` sets the scene."""

    admin: Person

    @property
    def namespace(self) -> str:
        """The name of the namespace."""
        return self.admin.namespace

    def person(self, user: str) -> Person:
        """The person of this user name."""
        return Person(self.admin.client, self.namespace, user)

    def grant(self, user: str, role: str, kind: str = "ClusterRole") -> None:
        """Binds a role to a person in this namespace."""
        name = f"{user}-{role}".replace(":", "-")
        self._made(
            f"{RBAC}/namespaces/{self.namespace}/rolebindings",
            {
                "metadata": {"name": name},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
            },
        )

    def allow(
        self, user: str, resource: str, verbs: list[str], group: str = GROUP, name: str | None = None
    ) -> None:
        """Grants exactly these verbs on one resource in this namespace, and waits until they are in force.

        With a name they are granted on the object of that name alone.
        """
        role = f"{user}-{resource}".replace(":", "-")
        rule: Json = {"apiGroups": [group], "resources": [resource], "verbs": verbs}
        if name is not None:
            rule["resourceNames"] = [name]
        path = f"{RBAC}/namespaces/{self.namespace}/roles"
        self._made(path, {"metadata": {"name": role}, "rules": [rule]})
        self.grant(user, role, kind="Role")
        self.wait_for(user, resource, verbs[-1], group, name)

    def wait_for(
        self, user: str, resource: str, verb: str, group: str = GROUP, name: str | None = None
    ) -> None:
        """Returns once RBAC lets this person do this; raises DevError where it never does."""
        wait_until(
            lambda: (
                None if self.may(user, resource, verb, group, name) else f"{user} may not {verb} {resource}."
            ),
            IN_FORCE_SECONDS,
        )

    def may(self, user: str, resource: str, verb: str, group: str = GROUP, name: str | None = None) -> bool:
        """Whether RBAC lets this person do this here."""
        attributes = {"namespace": self.namespace, "group": group, "resource": resource, "verb": verb}
        if name is not None:
            attributes["name"] = name
        review = {"spec": {"user": user, "resourceAttributes": attributes}}
        return bool(self.admin.ask("POST", REVIEWS, review).body["status"]["allowed"])

    def _made(self, path: str, body: Json) -> None:
        answer = self.admin.ask("POST", path, body)
        assert answer.succeeded, answer.message


def set_stage(cluster: Cluster, client: httpx.Client, namespace: str) -> Stage:
    """A stage in a new namespace, with the roles that ship as examples at hand; no operator works."""
    applied = cluster.run_kubectl("apply", "--server-side", f"--filename={REPOSITORY / 'examples/roles'}")
    assert applied.returncode == 0, applied.stderr
    stage = Stage(Person(client, namespace))
    wait_until(lambda: operator_at_work(stage.admin), IN_FORCE_SECONDS)
    made = stage.admin.ask("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    assert made.succeeded, made.message
    return stage


def operator_at_work(admin: Person) -> str | None:
    """Which operator holds the lease, or None where nobody does, or does no more."""
    leases = admin.ask("GET", "/apis/coordination.k8s.io/v1/namespaces/watchbill/leases").body["items"]
    for spec in (lease["spec"] for lease in leases):
        lasts = timedelta(seconds=spec.get("leaseDurationSeconds") or 0)
        renewed = datetime.fromisoformat(spec["renewTime"]) if spec.get("renewTime") else None
        if spec.get("holderIdentity") and renewed and renewed + lasts > datetime.now(UTC):
            return f"the operator {spec['holderIdentity']} holds the lease."
    return None


def admin_client(cluster: Cluster) -> httpx.Client:
    """A client that shows the administrator's certificate; whoever asks for it closes it."""
    return httpx.Client(base_url=cluster.url, verify=cluster.ssl_context(), timeout=20)
