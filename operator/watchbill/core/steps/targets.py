"""What a step may touch: the target's place, its labels, and how much of it must be available."""

from typing import Any

from watchbill.api.probe import TargetRef
from watchbill.core.steps.contract import ApiRequest, RunFacts

CLUSTER_SCOPED = frozenset({"Node", "Namespace", "PersistentVolume", "ClusterRole", "StorageClass"})
"""The kinds that stand in no namespace, of those that a runbook is likely to touch."""

COUNTED = frozenset({"Deployment", "StatefulSet", "ReplicaSet"})
"""The kinds whose status counts the available replicas of spec.replicas."""

Json = dict[str, Any]


def place(target: TargetRef, run: RunFacts) -> str:
    """The namespace of the target; empty for a kind that stands in none."""
    return "" if target.kind in CLUSTER_SCOPED else target.namespace or run.namespace


def reading(target: TargetRef, run: RunFacts) -> ApiRequest:
    """The request for the target as it is."""
    return ApiRequest("get", target.api_version, target.kind, place(target, run), target.name)


def out_of_scope(namespace: str, run: RunFacts) -> str:
    """Why a target of this namespace must not be touched; empty where it may be."""
    if namespace in ("", run.namespace, *run.namespaces):
        return ""
    return f"namespace {namespace} is not in spec.scope.namespaces of the runbook"


def unsafe(found: Json, run: RunFacts) -> str:
    """Why an object must not be touched as it is; empty where it may be."""
    labels = found.get("metadata", {}).get("labels") or {}
    for wanted in filter(None, run.selector.split(",")):
        key, _, value = wanted.partition("=")
        if labels.get(key) != value:
            return f"it has not the label {wanted}, which spec.scope.selector of the runbook asks for"
    return _too_few(found, run.min_available) if run.min_available else ""


def _too_few(found: Json, wanted: str) -> str:
    if found.get("kind") == "DaemonSet":
        status = found.get("status", {})
        have, of = status.get("numberAvailable", 0), status.get("desiredNumberScheduled", 0)
    elif found.get("kind") in COUNTED:
        have, of = found.get("status", {}).get("availableReplicas", 0), found["spec"].get("replicas", 1)
    else:
        return ""
    number = int(wanted.rstrip("%"))
    # Rounded up, as a PodDisruptionBudget does.
    least = -(-of * number // 100) if wanted.endswith("%") else number
    return "" if have >= least else f"{have} of {of} replicas are available, of which {least} must be"
