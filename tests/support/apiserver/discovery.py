"""What the server says that it serves: enough for kopf, and for whoever asks for the version."""

from tests.support.apiserver.answers import Answer
from tests.support.apiserver.resources import RESOURCES, Body, described_as

VERSION = {"major": "1", "minor": "37", "gitVersion": "v1.37.2"}


def described(path: str) -> Answer | None:
    """The document at this path, or None where there is none."""
    if path == "/version":
        return Answer(200, dict(VERSION))
    if path == "/api":
        return Answer(200, {"kind": "APIVersions", "versions": ["v1"]})
    if path == "/apis":
        groups = {each.api_version: _group(each.group, each.version) for each in RESOURCES if each.group}
        return Answer(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": list(groups.values())})
    version = path.removeprefix("/apis/").removeprefix("/api/")
    found = [each for each in RESOURCES if each.api_version == version]
    if not found or path not in (f"/apis/{version}", f"/api/{version}"):
        return None
    resources = [row for each in found for row in described_as(each)]
    body = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}
    return Answer(200, body)


def _group(name: str, version: str) -> Body:
    row = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [row], "preferredVersion": row}
