"""The revisions that a workload's controller keeps, and the one to return to; as `kubectl rollout` has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from watchbill.api.probe import TargetRef
from watchbill.core.steps.contract import ApiRequest

APPS = "apps/v1"
NUMBER = "deployment.kubernetes.io/revision"
"""The annotation of a ReplicaSet with the number of its revision."""

CAUSE = "kubernetes.io/change-cause"
"""The annotation of a Deployment that says why; its controller copies it to the ReplicaSet."""

HASH = "pod-template-hash"
"""The label that the controller adds to the template of a ReplicaSet."""

KEPT_AS: Mapping[str, str] = {
    "Deployment": "ReplicaSet",
    "StatefulSet": "ControllerRevision",
    "DaemonSet": "ControllerRevision",
}
"""The kind of object that holds the revisions, by the kind of workload."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a workload."""

    number: int
    name: str
    """The name of the object that holds it."""
    template: Json
    """The pod template, without what the controller added."""
    cause: str | None = None


def kind_problem(target: TargetRef) -> str:
    """Why a target of this kind has no revisions; empty where it has."""
    if target.api_version == APPS and target.kind in KEPT_AS:
        return ""
    return f"only {', '.join(KEPT_AS)} of {APPS} can be rolled back, and no {target.kind}"


def listing(found: Json, namespace: str) -> ApiRequest:
    """The request for what may be revisions of a workload: all that its selector selects."""
    selector = labels_of(found.get("spec", {}).get("selector") or {})
    return ApiRequest("list", APPS, KEPT_AS[found["kind"]], namespace, selector=selector)


def labels_of(selector: Json) -> str:
    """A label selector as it stands in a query."""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for each in selector.get("matchExpressions") or ():
        key, values = each["key"], ",".join(each.get("values") or ())
        words = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
        parts.append(words.get(each["operator"], f"!{key}"))
    return ",".join(parts)


def revisions_of(found: Json, items: Sequence[Json]) -> tuple[Revision, ...]:
    """The revisions of the workload itself, the oldest first; another's are left out."""
    uid = found["metadata"]["uid"]
    read = (_read(found["kind"], each) for each in items if _is_owned(each, uid))
    return tuple(sorted((each for each in read if each is not None), key=lambda each: each.number))


def obstacle(found: Json) -> str:
    """Why a workload cannot be rolled back as it is; empty where it can."""
    name = found["metadata"]["name"]
    spec, seen = found.get("spec", {}), found.get("status", {}).get("observedGeneration", 0)
    if found["kind"] == "Deployment" and spec.get("paused"):
        return f"it is paused: resume it first, with kubectl rollout resume deployment/{name}"
    if seen < found["metadata"].get("generation", 0):
        return "its controller has not seen its latest change yet, so its revisions are not known: try again"
    return ""


def caution(found: Json) -> str:
    """What to know of a workload whose pods are not replaced by the change alone."""
    spec = found.get("spec", {})
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        return " (OnDelete: a pod changes when it is deleted)"
    return ""


def chosen(found: Json, revisions: Sequence[Revision], number: int | None) -> Revision | str:
    """The revision of this number, by default the one before the present one; or why there is none."""
    numbers = [each.number for each in revisions]
    listed = ", ".join(map(str, numbers)) or "none"
    if number is None and len(set(numbers)) < 2:  # noqa: PLR2004 - the present one, and one before it
        kept = found.get("spec", {}).get("revisionHistoryLimit", 10)
        return (
            f"there is no revision before the present one (kept: {listed}; revisionHistoryLimit is {kept}): "
            "set the image that is to run by a kubernetes step"
        )
    wanted = sorted(set(numbers))[-2] if number is None else number
    fitting = [each for each in revisions if each.number == wanted]
    if not fitting:
        return f"there is no revision {wanted} (kept: {listed}): set toRevision to one that is kept"
    if len(fitting) > 1:
        names = " and ".join(sorted(each.name for each in fitting))
        return f"{names} both say that they are revision {wanted}: set toRevision to another, or delete one"
    return fitting[0]


def _is_owned(thing: Json, uid: str) -> bool:
    """Whether the object's controller is the one of this UID."""
    owners = thing.get("metadata", {}).get("ownerReferences") or ()
    return any(each.get("controller") is True and each.get("uid") == uid for each in owners)


def _read(kind: str, thing: Json) -> Revision | None:
    """The revision that an object holds; None where it holds none, as a ReplicaSet that is not numbered."""
    name = thing["metadata"]["name"]
    if kind != "Deployment":
        template = dict(thing["data"]["spec"]["template"])
        template.pop("$patch", None)
        return Revision(int(thing["revision"]), name, template)
    annotations = thing["metadata"].get("annotations") or {}
    number = str(annotations.get(NUMBER, ""))
    if not number.isdecimal():
        return None
    template = dict(thing["spec"]["template"])
    meta = dict(template.get("metadata") or {})
    meta["labels"] = {key: value for key, value in (meta.get("labels") or {}).items() if key != HASH}
    return Revision(int(number), name, {**template, "metadata": meta}, annotations.get(CAUSE))
