"""Suspends what keeps a workload as Git says, before the workload is changed, and lets it go again."""

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from watchbill.core.outcomes import Result
from watchbill.core.steps import reversing, targets
from watchbill.core.steps.contract import (
    Answer,
    ApiRequest,
    Planned,
    Request,
    Reversal,
    RunFacts,
    StepResult,
    Talk,
)
from watchbill.core.steps.differences import cleaned, differences, merge_patch
from watchbill.core.steps.owners import Claim, claims, owner_of
from watchbill.core.steps.writing import refused

SUSPENSION = {"spec": {"suspend": True}}
MANUAL = {"spec": {"syncPolicy": {"automated": None}}}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Hold:
    """How an owner is suspended, and let go again."""

    request: ApiRequest
    release: Reversal
    diff: tuple[str, ...]
    debt: str


def held(found: Json, run: RunFacts) -> Generator[Request, Answer, tuple[Hold, ...] | Planned]:
    """How each owner that is at work is suspended; or the plan that says what refuses it."""
    holds = []
    for claim in claims(found, run):
        owner = yield from owner_of(claim, found)
        if isinstance(owner, Planned):
            return owner
        if owner is None or _rests(owner):
            continue
        hold = yield from _hold(claim, owner, run)
        if isinstance(hold, Planned):
            return hold
        holds.append(hold)
    return tuple(holds)


def released(failure: StepResult, releases: Sequence[Reversal]) -> Talk:
    """The failure of what came after the owners were suspended, once they are let go again.

    Where nobody can tell what was done they stay suspended; the message says so.
    """
    names = ", ".join(f"{each.request.kind} {each.request.name}" for each in releases)
    if not releases:
        return failure
    if failure.result == Result.UNKNOWN:
        return replace(failure, message=f"{failure.message}; suspended stays {names}")
    for each in releases:
        answer = yield each.request
        if not answer.is_ok:
            said = f"{failure.message}; suspended stays {names}: {answer.message}"
            result = Result.UNKNOWN if answer.result == Result.UNKNOWN else Result.PERMANENT
            return StepResult(result, message=said, reason="OwnerSuspended", owes=True)
    return failure


def _rests(owner: Json) -> bool:
    """Whether an owner puts nothing back as it is."""
    spec = owner.get("spec", {})
    if owner["kind"] != "Application":
        return spec.get("suspend") is True
    automated = (spec.get("syncPolicy") or {}).get("automated")
    return automated is None or automated.get("enabled") is False


def _hold(claim: Claim, owner: Json, run: RunFacts) -> Generator[Request, Answer, Hold | Planned]:
    namespace = owner["metadata"]["namespace"]
    named = f"{claim.kind} {namespace}/{claim.name}"
    if denied := targets.out_of_scope(namespace, run):
        return Planned("", denied=f"{named} keeps it as Git says and must be suspended, but {denied}")
    for each in owner["metadata"].get("ownerReferences") or ():
        if each.get("kind") == "ApplicationSet":
            said = f"{named} is kept by ApplicationSet {each['name']}, which would take it up again"
            return Planned("", denied=f"{said}: let it ignore changes of /spec/syncPolicy")
    change = MANUAL if claim.kind == "Application" else SUSPENSION
    body = json.dumps(change, sort_keys=True)
    request = ApiRequest(
        "patch", claim.api_version, claim.kind, namespace, claim.name, body=body, content="merge"
    )
    answer = yield replace(request, dry_run=True)
    if not answer.is_ok:
        return refused("", answer)
    after = {"kind": claim.kind, **reversing.parsed(answer.body)}
    old, new = cleaned(owner), cleaned(after)
    back = json.dumps(merge_patch(new, old), sort_keys=True)
    expected = json.dumps(merge_patch(old, new), sort_keys=True)
    return Hold(
        request,
        Reversal(replace(request, body=back), expected),
        tuple(f"{named}: {line}" for line in differences(owner, after)),
        f"{named} is suspended; once Git has what is to run, let it go: kubectl -n {namespace} patch "
        f"{claim.kind.lower()}.{claim.api_version.partition('/')[0]} {claim.name} --type=merge -p '{back}'",
    )
