"""What RBAC lets somebody do, asked of the API server by SubjectAccessReviews."""

from dataclasses import dataclass, field
from typing import NamedTuple

import httpx

from tests.support.people import REVIEWS, Json
from watchbill.api.group import GROUP


class Who(NamedTuple):
    """A user and their groups."""

    user: str
    groups: tuple[str, ...] = ()


class Right(NamedTuple):
    """A verb on a resource, or `resource/subresource`; on the object of one name where that is given."""

    verb: str
    resource: str
    name: str = ""
    group: str = GROUP


@dataclass(frozen=True)
class Rights:
    """The rights of users; each is asked for once, so they must not change meanwhile."""

    client: httpx.Client
    _known: dict[tuple[Who, Right, str], bool] = field(default_factory=dict)

    def hold(self, who: Who, right: Right, namespace: str = "") -> bool:
        """Whether somebody holds the right in a namespace, or in the whole cluster where none is given."""
        asked = (who, right, namespace)
        if asked not in self._known:
            self._known[asked] = self._ask(who, right, namespace)
        return self._known[asked]

    def _ask(self, who: Who, right: Right, namespace: str) -> bool:
        resource, _, subresource = right.resource.partition("/")
        attributes: Json = {
            "namespace": namespace,
            "group": right.group,
            "resource": resource,
            "subresource": subresource,
            "verb": right.verb,
            "name": right.name,
        }
        review: Json = {"spec": {"user": who.user, "groups": _groups(who), "resourceAttributes": attributes}}
        answer = self.client.post(REVIEWS, json=review).json()
        return bool(answer["status"]["allowed"])


def _groups(who: Who) -> list[str]:
    """The groups that the API server adds to whoever it knows, as it does for an impersonated user."""
    if who.user == "system:anonymous":
        return ["system:unauthenticated"]
    found = [*who.groups, "system:authenticated"]
    if who.user.startswith("system:serviceaccount:"):
        namespace = who.user.split(":")[2]
        found += ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    return found
