"""Persons at the API server: whoever a test wants, by impersonation, in a namespace of its own."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import yaml

from dev.client import Answer
from dev.kubeconfigs import Reachable
from dev.layout import REPOSITORY
from dev.waiting import wait_until
from watchbill.api.group import API_VERSION, GROUP
from watchbill.api.kinds import KINDS

Json = dict[str, Any]

RBAC = "/apis/rbac.authorization.k8s.io/v1"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
IN_FORCE_SECONDS = 20.0
TOLD_SECONDS = 60.0

MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"
DRY_RUN = "dryRun=All&fieldValidation=Strict"
"""The query by which the server judges an object as kubectl has it judged, and keeps nothing."""

_KIND_OF = {kind.plural: kind.name for kind in KINDS}
_PLURAL_OF = {kind.name: kind.plural for kind in KINDS}
_CLUSTER_WIDE = {kind.plural for kind in KINDS if kind.scope == "Cluster"}
_CLUSTER_WIDE |= {"namespaces", "clusterroles", "clusterrolebindings"}


@dataclass(frozen=True)
class Person:
    """A user in one namespace; `admin`, who is in no need of RBAC, where no name is given."""

    client: httpx.Client
    namespace: str
    user: str | None = None
    groups: tuple[str, ...] = ()

    def create(self, plural: str, spec: Json, **metadata: Any) -> Answer:
        """The answer to the creation of an object; without a name the server finds one."""
        kind = {"apiVersion": API_VERSION, "kind": _KIND_OF[plural]}
        metadata = metadata or {"generateName": "test-"}
        return self.ask("POST", self.path(plural), {**kind, "metadata": metadata, "spec": spec})

    def patch(self, plural: str, name: str, spec: Json, subresource: str = "") -> Answer:
        """The answer to a merge patch of the spec, or of the subresource `status`."""
        path = self.path(plural, name) + (f"/{subresource}" if subresource else "")
        return self.ask("PATCH", path, {subresource or "spec": spec})

    def make_namespace(self) -> None:
        """Makes the namespace that this person is in."""
        made = self.ask("POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        assert made.succeeded, made.message

    def delete(self, plural: str, name: str) -> Answer:
        """The answer to the deletion of an object."""
        return self.ask("DELETE", self.path(plural, name))

    def apply(self, *objects: Json, manager: str = "") -> None:
        """Applies objects as `kubectl apply --server-side` does; all must be taken.

        A field that another manager owns is a conflict where a manager is named, and else overwritten.
        """
        query = f"fieldManager={manager}" if manager else "fieldManager=tests&force=true"
        for thing in objects:
            name, place = thing["metadata"]["name"], thing["metadata"].get("namespace", self.namespace)
            plural = _PLURAL_OF.get(thing["kind"], f"{thing['kind'].lower()}s")
            path = replace(self, namespace=place).path(plural, name, thing["apiVersion"])
            answer = self.ask("PATCH", f"{path}?{query}", thing, APPLY)
            assert answer.succeeded, answer.message

    def ask(self, method: str, path: str, body: Json | None = None, patch: str = MERGE) -> Answer:
        """The answer to any request; a PATCH is of this content type."""
        headers = [] if self.user is None else [("Impersonate-User", self.user)]
        headers += [("Impersonate-Group", group) for group in self.groups]
        headers.append(("Content-Type", patch if method == "PATCH" else "application/json"))
        content = None if body is None else json.dumps(body)
        answer = self.client.request(method, path, content=content, headers=headers)
        return Answer(answer.status_code, answer.json())

    def told_of(self, name: str, *reasons: str) -> list[Json]:
        """The Events of the object of this name, once there is one for each of these reasons.

        The operator writes them in the background, at a pace, and behind those of what others left.
        Raises DevError, with the reasons that there are, after a minute.
        """

        def events() -> list[Json]:
            found = self.ask("GET", self.path("events", version="v1")).body["items"]
            return [event for event in found if event["involvedObject"]["name"] == name]

        def untold() -> str | None:
            there = {event["reason"] for event in events()}
            return None if there.issuperset(reasons) else f"the Events of {name} are {sorted(there)}"

        wait_until(untold, TOLD_SECONDS)
        return events()

    def path(self, plural: str, name: str = "", version: str = API_VERSION) -> str:
        """The path of a resource, by default of ours, or of one object."""
        scope = "" if plural in _CLUSTER_WIDE else f"/namespaces/{self.namespace}"
        root = "apis" if "/" in version else "api"
        return f"/{root}/{version}{scope}/{plural}" + (f"/{name}" if name else "")


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

    def grant(self, user: str, role: str, kind: str = "ClusterRole", subject: str = "User") -> None:
        """Binds a role to a person, or to a group of them, in this namespace."""
        name = f"{user}-{role}".replace(":", "-")
        self._made(
            f"{RBAC}/namespaces/{self.namespace}/rolebindings",
            {
                "metadata": {"name": name},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": subject, "name": user}],
            },
        )

    def allow(
        self, user: str, resource: str, verbs: list[str], group: str = GROUP, name: str | None = None
    ) -> None:
        """Grants exactly these verbs on one resource in this namespace, and waits until they are in force.

        With a name they are granted on the object of that name alone.
        """
        role = f"{user}-{resource}".replace(":", "-").replace("/", "-").replace("*", "all")
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
        resource, _, subresource = resource.partition("/")
        attributes = {"namespace": self.namespace, "group": group, "resource": resource, "verb": verb}
        if subresource:
            attributes["subresource"] = subresource
        if name is not None:
            attributes["name"] = name
        review = {"spec": {"user": user, "resourceAttributes": attributes}}
        return bool(self.admin.ask("POST", REVIEWS, review).body["status"]["allowed"])

    def _made(self, path: str, body: Json) -> None:
        answer = self.admin.ask("POST", path, body)
        assert answer.succeeded, answer.message


def set_stage(client: httpx.Client, namespace: str) -> Stage:
    """A stage in a new namespace, with the roles that ship as examples at hand; no operator works."""
    stage = Stage(Person(client, namespace))
    for file in sorted((REPOSITORY / "examples/roles").glob("*.yaml")):
        stage.admin.apply(*yaml.safe_load_all(file.read_text()))
    wait_until(lambda: operator_at_work(stage.admin), IN_FORCE_SECONDS)
    stage.admin.make_namespace()
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


def admin_client(cluster: Reachable) -> httpx.Client:
    """A client that shows the administrator's certificate; whoever asks for it closes it."""
    return httpx.Client(base_url=cluster.access.url, verify=cluster.access.context(), timeout=20)
