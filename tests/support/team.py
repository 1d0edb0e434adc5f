"""A team and its platform on the real API server, as objects that a test applies in a line each."""

import base64
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from dev.receiver import PAGERDUTY_PATH, Receiver
from tests.support.builders import target
from tests.support.kubectl import Kubectl
from tests.support.people import Person, Stage
from watchbill.api.group import DEFAULT_OPERATOR_USER

ROUTING_KEY = "R0UT1NGKEY0123456789ABCDEF012345"
Found = TypeVar("Found")
Object = dict[str, Any]


@dataclass
class Team:
    """A namespace with two connections, pagerduty and backup-pager, a class of its own, and no policy.

    What it does is done by plain requests, as the administrator: kubectl would take a process for each.
    """

    kubectl: Kubectl
    admin: Person
    receiver: Receiver
    rows: dict[str, Object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Apply what every team has."""
        url = self.receiver.url
        self.secret("pagerduty", routingKey=ROUTING_KEY)
        self.secret("backup-pager", url=f"{url}/{self.namespace}/backup")
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "watchbill-secrets", "namespace": self.namespace},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "watchbill-secret-reader",
            },
            "subjects": [{"kind": "ServiceAccount", "name": "watchbill", "namespace": "watchbill"}],
        }
        key = {"name": "pagerduty", "key": "routingKey"}
        self.apply(binding)
        Stage(self.admin).wait_for(DEFAULT_OPERATOR_USER, "secrets", "get", group="")
        self.connection("pagerduty", pagerDuty={"routingKeySecretRef": key, "baseURL": url})
        self.connection("backup-pager", webhook={"urlSecretRef": {"name": "backup-pager", "key": "url"}})

    @property
    def namespace(self) -> str:
        """The name of the namespace."""
        return self.admin.namespace

    @property
    def class_name(self) -> str:
        """The name of the team's own class: classes are cluster-scoped, and tests share the cluster."""
        return self.namespace

    def apply(self, *objects: Object) -> None:
        """Apply objects as the administrator."""
        self.admin.apply(*objects)

    def secret(self, name: str, **values: str) -> None:
        """Apply a Secret."""
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        self.apply(self._object("v1", "Secret", name) | {"data": data})

    def connection(self, name: str, **spec: Any) -> None:
        """Apply a Connection."""
        self.apply(self._object("watchbill.dev/v1alpha1", "Connection", name) | {"spec": spec})

    def policy(
        self, *levels: tuple[str, str, list[Object]], times: int = 0, last_resort: str = "backup-pager"
    ) -> None:
        """Apply the policy primary of (name, escalateAfter, targets) levels."""
        spec = {
            "allowedClasses": [self.class_name],
            "levels": [
                {"name": name, "escalateAfter": after, "targets": targets} for name, after, targets in levels
            ],
            "repeat": {"times": times},
            "lastResort": {"targets": [target(last_resort)]},
        }
        self.apply(self._object("watchbill.dev/v1alpha1", "EscalationPolicy", "primary") | {"spec": spec})

    def severities(self, **changes: Any) -> None:
        """Apply the class with rows SEV-1 to SEV-3, all of them changed so."""
        rows = [
            {"name": f"SEV-{rank}", "rank": rank, "escalation": {"policyName": "primary"}} | changes
            for rank in (1, 2, 3)
        ]
        default = {"policyRef": {"name": "primary", "namespace": self.namespace}}
        body = {"apiVersion": "watchbill.dev/v1alpha1", "kind": "IncidentClass"}
        spec = {"severities": rows, "defaultEscalation": default}
        self.apply(body | {"metadata": {"name": self.class_name}, "spec": spec})

    def declare(self, name: str = "checkout", severity: str = "SEV-1", **spec: Any) -> Object:
        """Create an incident, and return it."""
        wanted = {"title": "Checkout fails", "severity": severity, "classRef": {"name": self.class_name}}
        created = self.admin.create("incidents", wanted | spec, name=name)
        assert created.succeeded, created.message
        return created.body

    def declare_in_steps(self, apart: str) -> Object:
        """Create an incident of a policy with two levels that are so far apart, both at PagerDuty."""
        self.policy(("first", apart, [target("pagerduty")]), ("second", "5m", [target("pagerduty")]))
        self.severities()
        return self.declare()

    def patch(self, name: str = "checkout", **spec: Any) -> None:
        """Change an incident's spec as the administrator."""
        changed = self.admin.patch("incidents", name, spec)
        assert changed.succeeded, changed.message

    def acknowledge(self, name: str = "checkout", **entry: Any) -> None:
        """Acknowledge as the administrator."""
        self.patch(name, acknowledgedBy={"admin": entry})

    def incident(self, name: str = "checkout") -> Object:
        """The incident as the API server has it."""
        found = self.admin.ask("GET", self.admin.path("incidents", name))
        assert found.succeeded, found.message
        return found.body

    def wait_for(
        self, found: Callable[[Object], Found | None], name: str = "checkout", within: float = 10
    ) -> Found:
        """The first true value that the incident gives; raises where none comes in time.

        What the incident does not have yet, such as a status, counts as not true.
        """
        end = time.monotonic() + within
        while True:
            incident = self.incident(name)
            with suppress(KeyError, IndexError):
                if value := found(incident):
                    return value
            if time.monotonic() > end:
                raise AssertionError(
                    f"not within {within:g} s: {json.dumps(incident.get('status'), indent=1)}"
                )
            time.sleep(0.05)

    def wait_for_phase(self, phase: str, name: str = "checkout", within: float = 10) -> Object:
        """The incident, once it is in this phase."""
        return self.wait_for(
            lambda found: found if found.get("status", {}).get("phase") == phase else None, name, within
        )

    def _object(self, version: str, kind: str, name: str) -> Object:
        return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": self.namespace}}


def condition(incident: Object, type_: str) -> Object:
    """The condition of this type, empty where there is none."""
    found = (c for c in incident.get("status", {}).get("conditions", []) if c["type"] == type_)
    return next(found, {})


def triggers(receiver: Receiver) -> list[str]:
    """The keys of the pages that arrived at PagerDuty, in order, repeats included."""
    sent = [request.json for request in receiver.requests_to(PAGERDUTY_PATH)]
    return [event["dedup_key"] for event in sent if event["event_action"] == "trigger"]
