"""Every version of an incident that the API server has stored: a write is one, whoever made it."""

import json

from tests.support.kubectl import Kubectl
from tests.support.team import Object


def moment_of(kubectl: Kubectl, namespace: str) -> str:
    """The moment that the API server is at."""
    listing: Object = json.loads(kubectl("get", "--raw", f"{_path(namespace)}?limit=1").stdout)
    return str(listing["metadata"]["resourceVersion"])


def written_since(kubectl: Kubectl, namespace: str, moment: str, name: str) -> list[Object]:
    """What was stored of an incident since a moment, the oldest first."""
    query = f"watch=1&resourceVersion={moment}&timeoutSeconds=1&fieldSelector=metadata.name%3D{name}"
    told = kubectl("get", "--raw", f"{_path(namespace)}?{query}").stdout
    events = [json.loads(line) for line in told.splitlines()]
    return [event["object"] for event in events if event["type"] != "BOOKMARK"]


def _path(namespace: str) -> str:
    return f"/apis/watchbill.dev/v1alpha1/namespaces/{namespace}/incidents"
