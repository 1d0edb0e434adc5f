"""What the server says that it serves: enough for kopf, and for whoever asks for the version."""

from collections.abc import Mapping

from tests.support.apiserver.resources import RESOURCES, Body, Resource
from watchbill.api.group import CATEGORY

VERBS = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
STATUS_VERBS = ["get", "patch", "update"]


def _rows(resource: Resource) -> list[Body]:
    """The resource, and its status where that is kept apart."""
    row: Body = {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": VERBS,
    }
    if not resource.custom:
        return [row]
    status = row | {"name": f"{resource.plural}/status", "singularName": "", "verbs": STATUS_VERBS}
    row |= {"shortNames": list(resource.short_names)} if resource.short_names else {}
    return [row | {"categories": [CATEGORY]}, status]


def _documents() -> Mapping[str, Body]:
    found: dict[str, Body] = {
        "/version": {"major": "1", "minor": "37", "gitVersion": "v1.37.2"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
    }
    groups: dict[str, Body] = {}
    for resource in RESOURCES:
        version = resource.api_version
        path = f"/apis/{version}" if resource.group else f"/api/{version}"
        document = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": []}
        found.setdefault(path, document)["resources"] += _rows(resource)
        if resource.group:
            row = {"groupVersion": version, "version": resource.version}
            groups[version] = {"name": resource.group, "versions": [row], "preferredVersion": row}
    apis = {"kind": "APIGroupList", "apiVersion": "v1", "groups": list(groups.values())}
    return found | {"/apis": apis}


DOCUMENTS = _documents()
"""The documents, by their paths."""
