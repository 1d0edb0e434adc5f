"""A team by plain requests: a test of many objects takes no process for each of them."""

import base64
from typing import Any, TypeVar

from dev.client import Answer
from dev.receiver import Receiver
from dev.waiting import wait_until
from tests.support.builders import target
from tests.support.people import APPLY, RBAC, Json, Person
from tests.support.team import Object, Team, condition
from watchbill.api.group import API_VERSION, DEFAULT_OPERATOR_USER, GROUP
from watchbill.api.kinds import KINDS

BACKUP = "backup-pager"
PLURALS = {kind.name: kind.plural for kind in KINDS}
Found = TypeVar("Found")


class Shop(Team):
    """A team with as many policies as a test likes, each under a class of its own."""

    def __post_init__(self) -> None:
        """Apply what every team has."""
        self._classes: set[str] = set()
        super().__post_init__()

    def close(self) -> None:
        """Leave nothing: operators of later tests would go on with it."""
        self.terminate()
        for kind in ("IncidentUpdate", "EscalationPolicy", "Secret", "RoleBinding"):
            self.admin.ask("DELETE", self._path(kind))
        self.delete_classes()

        def complaint() -> str | None:
            """That the namespace goes, and so an open incident too, is known to the server a moment later."""
            answer = self.admin.ask("DELETE", self._path("Incident"))
            return None if answer.succeeded else answer.message

        wait_until(complaint, 10)
        self.admin.ask("DELETE", self._path("Connection"))
        self.finish()

    def delete_classes(self) -> None:
        """Delete what stands in no namespace."""
        for name in self._classes:
            self.delete("IncidentClass", name)

    def terminate(self) -> None:
        """Delete the namespace; without a controller it stays as it is, terminating."""
        self.admin.ask("DELETE", f"/api/v1/namespaces/{self.namespace}")

    def finish(self) -> None:
        """Let the namespace go, as its controller does once nothing is left in it."""
        body = {"apiVersion": "v1", "kind": "Namespace", "spec": {"finalizers": []}}
        path = f"/api/v1/namespaces/{self.namespace}/finalize"
        self.admin.ask("PUT", path, body | {"metadata": {"name": self.namespace}})

    def apply_as(self, manager: str, thing: Object) -> Answer:
        """The answer to another manager's server-side apply of an object, which forces nothing."""
        path = f"{self._path(thing['kind'], thing['metadata']['name'])}?fieldManager={manager}"
        return self.admin.ask("PATCH", path, thing, APPLY)

    def secret(self, name: str, **values: str | bytes) -> None:
        """Apply a Secret, which then has these keys and no others."""
        data = {key: _encoded(value) for key, value in values.items()}
        self.apply(self._object("v1", "Secret", name) | {"data": data})

    def hook(self, name: str, path: str = "", **more: Any) -> None:
        """Apply a webhook Connection to this path of the receiver; by default that of its name."""
        self.connection(name, webhook={"url": f"{self.receiver.url}{path or self.at(name)}"}, **more)

    def at(self, name: str) -> str:
        """The receiver's path for this team's connection of a name."""
        return f"/{self.namespace}/{name}"

    def ladder(
        self,
        name: str,
        *levels: tuple[str, str, list[Object]],
        times: int = 0,
        last_resort: str = BACKUP,
        rows: list[Object] | None = None,
    ) -> None:
        """Apply a policy of this name, and the class that incidents of this name are of."""
        spec = {
            "allowedClasses": [self.class_of(name)],
            "levels": [{"name": n, "escalateAfter": after, "targets": found} for n, after, found in levels],
            "repeat": {"times": times},
            "lastResort": {"targets": [target(last_resort)]},
        }
        self.apply(self._object(API_VERSION, "EscalationPolicy", name) | {"spec": spec})
        self.incident_class(name, rows)

    def incident_class(self, name: str, rows: list[Object] | None = None) -> None:
        """Apply the class that incidents of this name are of, with the policy of the same name."""
        rows = rows or [{"name": "SEV-1", "rank": 1, "escalation": {"policyName": name}}]
        default = {"policyRef": {"name": name, "namespace": self.namespace}}
        metadata = {"metadata": {"name": self.class_of(name)}}
        self._classes.add(self.class_of(name))
        spec = {"severities": rows, "defaultEscalation": default}
        self.apply({"apiVersion": API_VERSION, "kind": "IncidentClass", **metadata, "spec": spec})

    def class_of(self, name: str) -> str:
        """The class of the incidents of a name."""
        return f"{self.namespace}-{name}"

    def declare(self, name: str = "checkout", severity: str = "SEV-1", **spec: Any) -> Object:
        """Create an incident of this name and its class, and return it."""
        wanted = {"title": f"{name} fails", "severity": severity, "classRef": {"name": self.class_of(name)}}
        metadata = {"labels": spec.pop("labels", {})}
        answer = self.admin.create("incidents", wanted | spec, name=name, **metadata)
        assert answer.succeeded, answer.message
        return answer.body

    def patch(self, name: str = "checkout", **spec: Any) -> None:
        """Change an incident's spec as the administrator."""
        answer = self.admin.patch("incidents", name, spec)
        assert answer.succeeded, answer.message

    def for_chat(self, name: str, **spec: Any) -> None:
        """Change an incident's spec as the operator does it for people in a chat."""
        rights = {"rules": [{"apiGroups": [GROUP], "resources": ["incidents"], "verbs": ["patch"]}]}
        whom = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": DEFAULT_OPERATOR_USER}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "chat"}
        version = "rbac.authorization.k8s.io/v1"
        self.apply(self._object(version, "Role", "chat") | rights)
        self.apply(self._object(version, "RoleBinding", "chat") | {"roleRef": role, "subjects": [whom]})
        operator = Person(self.admin.client, self.namespace, DEFAULT_OPERATOR_USER)

        def complaint() -> str | None:
            answer = operator.patch("incidents", name, spec)
            return None if answer.succeeded else answer.message

        wait_until(complaint, 20)

    def say(self, state: str, reason: str, name: str = "checkout") -> None:
        """Say a state of an incident as the administrator."""
        self.patch(name, state=state, stateReason=reason, setBy={"state": "admin"})

    def write_status(self, name: str, status: Json) -> None:
        """Merge this into an incident's status."""
        answer = self.admin.patch("incidents", name, status, subresource="status")
        assert answer.succeeded, answer.message

    def incident(self, name: str = "checkout") -> Object:
        """The incident as the API server has it."""
        return self.get("Incident", name)

    def get(self, kind: str, name: str) -> Object:
        """An object as the API server has it."""
        answer = self.admin.ask("GET", self._path(kind, name))
        assert answer.succeeded, answer.message
        return answer.body

    def delete(self, kind: str, name: str) -> Answer:
        """The answer to the deletion of an object."""
        return self.admin.ask("DELETE", self._path(kind, name))

    def refusal(self, kind: str, spec: Json, **metadata: Any) -> str:
        """Why the API server refuses an object with this spec; fails where it does not."""
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "example"} | metadata}
        path = f"{self._path(kind)}?dryRun=All&fieldValidation=Strict"
        answer = self.admin.ask("POST", path, body | {"spec": spec})
        assert not answer.succeeded
        return answer.message

    def says(self, type_: str, reason: str, message: str = "", name: str = "checkout") -> None:
        """Wait until an incident's condition gives this reason, in exactly these words."""
        said = (reason, message)

        def complaint() -> str | None:
            found = condition(self.incident(name), type_)
            now = (found.get("reason"), found.get("message", ""))
            return None if now == said else f"{type_} of {name} says {now} and not {said}"

        wait_until(complaint, 10)

    def ready(self, kind: str, name: str, reason: str, within: float = 10) -> str:
        """The message of an object's Ready, once it gives this reason."""
        found: list[Object] = []

        def complaint() -> str | None:
            found[:] = self.get(kind, name).get("status", {}).get("conditions", [])
            return None if [c["reason"] for c in found] == [reason] else f"{name} says {found}"

        wait_until(complaint, within)
        return str(found[0]["message"])

    def events(self, name: str = "checkout") -> set[tuple[str, str, str]]:
        """(type, reason, message) of each Event about an incident."""
        path = f"{self._path('Event')}?fieldSelector=involvedObject.name%3D{name}"
        items = self.admin.ask("GET", path).body["items"]
        return {(each["type"], each["reason"], each["message"]) for each in items}

    def warns(self, reason: str, message: str, name: str = "checkout") -> None:
        """Wait until a Warning about an incident says this for this reason."""
        said = ("Warning", reason, message)

        def complaint() -> str | None:
            seen = self.events(name)
            return None if said in seen else f"{name} has no Event {said}, only {seen}"

        wait_until(complaint, 5)

    def paged(self, name: str, path: str, within: float = 10) -> Object:
        """What the first page of an incident said that arrived at a webhook's path."""
        uid = self.incident(name)["metadata"]["uid"]

        def pages(receiver: Receiver) -> list[Object]:
            said = [request.json["data"] for request in receiver.requests_to(path)]
            return [data for data in said if (data["uid"], data["action"]) == (uid, "trigger")]

        return self.receiver.wait_for(pages, within)[0]

    @property
    def triggers(self) -> list[str]:
        """The keys of this team's pages at PagerDuty, in order, repeats included."""
        sent = [request.json for request in self.receiver.requests_to("/v2/enqueue")]
        pages = [event for event in sent if event["event_action"] == "trigger"]
        return [event["dedup_key"] for event in pages if event["payload"]["group"] == self.namespace]

    @property
    def alerts(self) -> list[str]:
        """The states of this team's alerts at PagerDuty, in order."""
        alerts = self.receiver.alerts
        return [alert.state for alert in alerts if alert.payload["group"] == self.namespace]

    def wait_for_alerts(self, *states: str) -> None:
        """Wait until this team's alerts at PagerDuty stand so."""
        self.receiver.wait_for(lambda _: self.alerts == list(states))

    def ask_again(self, name: str, level: str = "first") -> None:
        """Ask for a level of an incident to be opened now."""
        wish = {"request": {"reason": f"again after {len(self.receiver.requests)}", "toLevel": level}}
        self.patch(name, escalation=wish, setBy={"escalation": "admin"})

    def _path(self, kind: str, name: str = "") -> str:
        tail = f"/{name}" if name else ""
        if kind in PLURALS:
            return self.admin.path(PLURALS[kind], name)
        if kind == "Namespace":
            return f"/api/v1/namespaces{tail}"
        group = RBAC if kind in ("Role", "RoleBinding") else "/api/v1"
        return f"{group}/namespaces/{self.namespace}/{kind.lower()}s{tail}"


def hop_of(incident: Object, connection: str) -> Object:
    """The latest hop of an incident's pages through a connection; IndexError where there is none."""
    hops: list[Object] = [hop for page in incident["status"]["pages"] for hop in page["hops"]]
    return [hop for hop in hops if hop["connection"] == connection][-1]


def _encoded(value: str | bytes) -> str:
    return base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
