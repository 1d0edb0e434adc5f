"""What is special about namespaces: what they are born with, and how they end."""

from collections.abc import Callable

from tests.support.apiserver.answers import Refusal, details, not_found, with_causes
from tests.support.apiserver.resources import NAMESPACES, RESOURCES, Body, Resource
from tests.support.apiserver.store import Store

FINALIZER = "kubernetes"
NAME_LABEL = "kubernetes.io/metadata.name"


def born(body: Body) -> Body:
    """A new namespace, with what the server adds."""
    metadata = body["metadata"]
    labels = {**metadata.get("labels", {}), NAME_LABEL: metadata["name"]}
    return body | {
        "metadata": metadata | {"labels": labels},
        "spec": {"finalizers": [FINALIZER]},
        "status": {"phase": "Active"},
    }


def admit(store: Store, resource: Resource, namespace: str, name: str) -> None:
    """Refuse a new object where its namespace is not there, or is ending."""
    if not resource.namespaced:
        return
    found = store.get(NAMESPACES, namespace)
    if found is None:
        raise not_found(NAMESPACES, namespace)
    if "deletionTimestamp" in found["metadata"]:
        message = (
            f'{resource.qualified_plural} "{name}" is forbidden: unable to create new content in '
            f"namespace {namespace} because it is being terminated"
        )
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {namespace} is being terminated",
            "field": "metadata.namespace",
        }
        raise with_causes(Refusal(403, "Forbidden", message, details(resource, name)), [cause])


def terminating(store: Store, namespace: Body, moment: str) -> Body:
    """The namespace, which ends from now on; one that is ending already stays as it is."""
    metadata = namespace["metadata"]
    if "deletionTimestamp" in metadata:
        return namespace
    return store.put(
        NAMESPACES,
        metadata["name"],
        namespace
        | {"metadata": metadata | {"deletionTimestamp": moment}, "status": {"phase": "Terminating"}},
    )


def finalized(store: Store, namespace: Body, wanted: Body) -> Body:
    """The namespace with these finalizers; it is gone where it is ending and has none."""
    finalizers = (wanted.get("spec") or {}).get("finalizers") or []
    changed = namespace | {"spec": {"finalizers": finalizers} if finalizers else {}}
    name = namespace["metadata"]["name"]
    if changed == namespace:
        return namespace
    if "deletionTimestamp" in namespace["metadata"] and not finalizers:
        store.remove(NAMESPACES, name)
        return changed
    return store.put(NAMESPACES, name, changed)


Ask = Callable[[str, str, Body | None], Body]
"""Sends a method, a path and a body, and returns the body of the answer."""


def collect(ask: Ask, namespace: str) -> bool:
    """Do once what Kubernetes' namespace controller does for one that is ending; whether it is gone.

    What has finalizers stays until they are gone. It only asks, so it serves the real API server too.
    """
    left = 0
    for resource in RESOURCES:
        if not resource.namespaced:
            continue
        root = f"/apis/{resource.group}" if resource.group else "/api"
        path = f"{root}/{resource.version}/namespaces/{namespace}/{resource.plural}"
        for item in ask("GET", path, None)["items"]:
            ask("DELETE", f"{path}/{item['metadata']['name']}", None)
        left += len(ask("GET", path, None)["items"])
    if not left:
        end = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": namespace}, "spec": {}}
        ask("PUT", f"/api/v1/namespaces/{namespace}/finalize", end)
    return not left
