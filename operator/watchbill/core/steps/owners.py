"""What keeps a workload as Git says, Flux or Argo CD, found by the marks that it leaves on it.

Flux labels what it applies with the name and namespace of its Kustomization or HelmRelease; Argo CD with the
name of its Application, in the annotation `argocd.argoproj.io/tracking-id` or, by the older way of tracking
that many Helm charts look like, in the label `app.kubernetes.io/instance`. A mark counts only where the owner
is there; an Application must list the workload too.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

from watchbill.core.outcomes import Result
from watchbill.core.steps import reversing
from watchbill.core.steps.answers import NOT_FOUND
from watchbill.core.steps.contract import Answer, ApiRequest, Planned, Request, RunFacts
from watchbill.core.steps.writing import refused

ARGO_NAMESPACE = "argocd"
"""Where Argo CD keeps Applications, where neither the mark nor the runbook's scope names another."""

TRACKING = "argocd.argoproj.io/tracking-id"
INSTANCE = "app.kubernetes.io/instance"
FLUX = {
    "kustomize.toolkit.fluxcd.io": ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
    "helm.toolkit.fluxcd.io": ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Claim:
    """An owner that a mark of the workload names."""

    api_version: str
    kind: str
    namespaces: tuple[str, ...]
    """Where it may be."""
    name: str
    is_sure: bool = True
    """Whether the mark is nobody else's."""


def claims(found: Json, run: RunFacts) -> Iterator[Claim]:
    """The owners that the marks of a workload name."""
    meta = found["metadata"]
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    for prefix, (api_version, kind) in FLUX.items():
        name, namespace = labels.get(f"{prefix}/name"), labels.get(f"{prefix}/namespace")
        if name and namespace:
            yield Claim(api_version, kind, (namespace,), name)
    tracked = str(annotations.get(TRACKING, "")).partition(":")[0]
    place, _, name = tracked.rpartition("_")
    usual = tuple(dict.fromkeys((*run.namespaces, ARGO_NAMESPACE)))
    if name:
        yield Claim("argoproj.io/v1alpha1", "Application", (place,) if place else usual, name)
    elif instance := labels.get(INSTANCE):
        yield Claim("argoproj.io/v1alpha1", "Application", usual, instance, is_sure=False)


def owner_of(claim: Claim, found: Json) -> Generator[Request, Answer, Json | Planned | None]:
    """The owner as it is; None where there is none, so that nothing puts the workload back."""
    refusal: Planned | None = None
    for namespace in claim.namespaces:
        answer = yield ApiRequest("get", claim.api_version, claim.kind, namespace, claim.name)
        if answer.is_ok:
            owner: Json = {"kind": claim.kind, **reversing.parsed(answer.body)}
            return owner if claim.kind != "Application" or _lists(owner, found) else None
        # 0 is a kind that this server does not know.
        if not (answer.result == Result.PERMANENT and answer.status in (0, NOT_FOUND)):
            refusal = refusal or refused("", answer)
    if refusal is not None:
        return replace(refusal, denied=f"{refusal.denied} (a mark of the workload names it as its owner)")
    if claim.kind == "Application" and claim.is_sure:
        said = f"{TRACKING} names Application {claim.name}, which is not in {' or '.join(claim.namespaces)}"
        return Planned("", denied=f"{said}: list its namespace in spec.scope.namespaces of the runbook")
    return None


def _lists(application: Json, found: Json) -> bool:
    meta = found["metadata"]
    for each in application.get("status", {}).get("resources") or ():
        named = each.get("group"), each.get("kind"), each.get("namespace"), each.get("name")
        if named == ("apps", found["kind"], meta.get("namespace"), meta["name"]):
            return True
    return False
