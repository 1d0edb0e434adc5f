"""Where objects live on the API server, and what a path is about."""

from collections.abc import Sequence

from watchbill.api.group import API_VERSION
from watchbill.api.kinds import KINDS

BASE = f"/apis/{API_VERSION}"

PLURALS = {kind.name: kind.plural for kind in KINDS}
"""The plural of each of our kinds."""

CLUSTER_SCOPED = frozenset(kind.name for kind in KINDS if kind.scope == "Cluster")
"""The kinds that live in no namespace."""


def path_of(kind: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
    """The path of one of our objects, or of all in a namespace, or of all where none is given."""
    parts = [BASE]
    if namespace and kind not in CLUSTER_SCOPED:
        parts += ["namespaces", namespace]
    parts += [PLURALS[kind], name, subresource]
    return "/".join(part for part in parts if part)


def places_of(kind: str, namespaces: Sequence[str]) -> Sequence[str]:
    """Where a kind is listed and watched: in these namespaces, or everywhere, which the empty text says."""
    return ("",) if kind in CLUSTER_SCOPED or not namespaces else namespaces


def lists_of(namespaces: Sequence[str]) -> list[str]:
    """The paths at which every kind is listed and watched, in these namespaces or everywhere."""
    return [path_of(kind, place) for kind in PLURALS for place in places_of(kind, namespaces)]


def core_path(plural: str, namespace: str, name: str = "") -> str:
    """The path of an object of Kubernetes' own core group, such as a Secret."""
    return "/".join(part for part in ("/api/v1/namespaces", namespace, plural, name) if part)


def lease_path(namespace: str, name: str = "") -> str:
    """The path of a Lease, or of all in a namespace."""
    base = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    return f"{base}/{name}" if name else base


def resource_of(path: str) -> str:
    """What a path is about, as a metric's label: `incidents`, `incidents/status`, `secrets`."""
    parts = path.partition("?")[0].strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    if rest[:1] == ["namespaces"] and len(rest) > 2:  # noqa: PLR2004 - namespaces, its name, a plural
        rest = rest[2:]
    return "/".join(rest[0:1] + rest[2:3]) or "other"
