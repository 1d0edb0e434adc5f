"""Changes one Kubernetes object: foretold by a dry run, and kept to be taken back."""

import json
from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any

from watchbill.api.kubernetes_action import Kubernetes, Scale
from watchbill.api.model import ObjectMeta
from watchbill.api.probe import TargetRef
from watchbill.api.runbook import Risk, Step
from watchbill.core.outcomes import Result
from watchbill.core.steps import reversing, targets
from watchbill.core.steps.answers import NOT_FOUND
from watchbill.core.steps.contract import (
    Answer,
    ApiRequest,
    Content,
    Planned,
    Planning,
    Request,
    Reversal,
    RunFacts,
    StepResult,
    Talk,
)
from watchbill.core.steps.differences import cleaned, differences, merge_patch
from watchbill.core.steps.writing import conditioned, refused

RESTARTED_BY = "watchbill.dev/restarted-by"
"""The annotation of a pod template by which a restart is one; the same for every try of one run."""

CONTENTS: Mapping[str, Content] = {"Strategic": "strategic", "Merge": "merge", "JSON": "json"}

Json = dict[str, Any]


class KubernetesKind:
    """One change of one object."""

    name = "kubernetes"
    risk: Risk = "High"
    acts = True
    unknown_stops = True

    def plan(self, step: Step, run: RunFacts) -> Planning:
        """What would change, by a dry run on the object as it is."""
        body = _body(step)
        target = _target(body)
        if isinstance(target, str):
            return Planned("apply a manifest", denied=target)
        what = f"{_action(body)} {target.kind} {target.name}"
        if denied := targets.out_of_scope(targets.place(target, run), run):
            return Planned(what, denied=denied)
        found = yield from _read(body, target, run)
        if isinstance(found, Planned):
            return replace(found, summary=what)
        before, version = found
        write = _write(body, target, run, before)
        if isinstance(write, str):
            return Planned(what, denied=write)
        answer = yield replace(write, dry_run=True)
        if not answer.is_ok:
            return refused(what, answer)
        after = None if write.verb == "delete" else reversing.parsed(answer.body)
        return Planned(
            what,
            (write,),
            differences(before, after, run.masked),
            reversals=_reversals(write, before, after),
            debt=_debt(body, what),
            precondition=version,
        )

    def act(self, step: Step, run: RunFacts, planned: Planned) -> Talk:
        """The change, refused by the server if the object is not the one that was foretold of."""
        (write,) = planned.requests
        assert isinstance(write, ApiRequest)
        answer = yield conditioned(write, planned.precondition)
        if not answer.is_ok:
            return StepResult(answer.result, message=answer.message, reason=f"HTTP{answer.status}")
        return StepResult(Result.OK, output="\n".join(planned.diff), undo=reversing.kept(planned.reversals))

    def follow(self, step: Step, run: RunFacts, handle: str) -> Talk:
        """Nothing is under way once the server has answered."""
        yield from ()
        return StepResult(Result.OK)

    def patience(self, step: Step) -> None:
        """The step's own timeout."""


def _body(step: Step) -> Kubernetes:
    assert step.kubernetes is not None
    return step.kubernetes


def _action(body: Kubernetes) -> str:
    return next(name for name in Kubernetes.model_fields if name != "target_ref" and getattr(body, name))


def _target(body: Kubernetes) -> TargetRef | str:
    """What is changed, or what is wrong with the manifest that should say so."""
    if body.target_ref is not None:
        return body.target_ref
    assert body.apply is not None
    thing = json.loads(body.apply.manifest)
    try:
        meta = ObjectMeta.model_validate(thing["metadata"])
        return TargetRef(
            api_version=thing["apiVersion"], kind=thing["kind"], name=meta.name, namespace=meta.namespace
        )
    except (KeyError, TypeError, ValueError):
        return "the manifest must be one object with apiVersion, kind and metadata.name"


def _read(
    body: Kubernetes, target: TargetRef, run: RunFacts
) -> Generator[Request, Answer, tuple[Json | None, str] | Planned]:
    """The object as it is and its version, of which a number of replicas is a part of its own."""
    reading = targets.reading(target, run)
    before: Json | None = None
    if body.scale is None or run.selector or run.min_available:
        answer = yield reading
        if answer.status == NOT_FOUND and body.apply is not None:
            return None, ""
        if not answer.is_ok:
            return refused("", answer)
        before = reversing.parsed(answer.body)
        if denied := targets.unsafe(before, run):
            return Planned("", denied=denied)
    if body.scale is not None:
        answer = yield replace(reading, subresource="scale")
        if not answer.is_ok:
            return refused("", answer)
        before = reversing.parsed(answer.body)
    return before, str((before or {}).get("metadata", {}).get("resourceVersion", ""))


def _write(body: Kubernetes, target: TargetRef, run: RunFacts, before: Json | None) -> ApiRequest | str:
    """The request that makes the change, or why there is none."""
    request = ApiRequest(
        "patch", target.api_version, target.kind, targets.place(target, run), target.name, content="merge"
    )
    if body.patch is not None:
        return replace(request, body=body.patch.patch, content=CONTENTS[body.patch.type])
    if body.apply is not None:
        return replace(request, body=body.apply.manifest, content="apply")
    if body.delete is not None:
        uid = (before or {}).get("metadata", {}).get("uid", "")
        options = {"propagationPolicy": body.delete.propagation, "preconditions": {"uid": uid}}
        return replace(request, verb="delete", body=json.dumps(options), content="json")
    if body.scale is not None:
        return _scaled(request, body.scale, run)
    change: Json = {"spec": {"unschedulable": True if body.cordon else None}}
    if body.restart is not None:
        change = {"spec": {"template": {"metadata": {"annotations": {RESTARTED_BY: run.uid}}}}}
    return replace(request, body=json.dumps(change))


def _scaled(request: ApiRequest, scale: Scale, run: RunFacts) -> ApiRequest | str:
    replicas: Any = scale.replicas
    if scale.replicas_parameter is not None:
        replicas = run.parameters.get(scale.replicas_parameter)
    if isinstance(replicas, bool) or not isinstance(replicas, int) or replicas < 0:
        return "replicasParameter must name an Integer parameter of 0 or more"
    return replace(request, subresource="scale", body=json.dumps({"spec": {"replicas": replicas}}))


def _reversals(write: ApiRequest, before: Json | None, after: Json | None) -> tuple[Reversal, ...]:
    """How the change is taken back. A Secret's values are kept nowhere, and a restart leaves nothing."""
    old, new = cleaned(before), cleaned(after)
    if write.kind == "Secret" or RESTARTED_BY in write.body:
        return ()
    plain = replace(write, body="", content="json")
    if before is None:
        return (Reversal(replace(plain, verb="delete")),)
    if after is None:
        again = replace(plain, verb="create", body=json.dumps(old, sort_keys=True))
        return (Reversal(again),)
    back = merge_patch(new, old)
    expected = json.dumps(merge_patch(old, new), sort_keys=True)
    request = replace(plain, body=json.dumps(back, sort_keys=True), content="merge")
    return (Reversal(request, expected),) if back else ()


def _debt(body: Kubernetes, what: str) -> str:
    return what if body.scale is not None or body.cordon is not None else ""
