"""The policy on RunbookRuns: who runs, who approves, who says what was done, and who calls it off."""

from watchbill.api.admission.policy import (
    ME,
    Manifest,
    differing,
    literal,
    matching,
    refusal,
    validating,
    variables,
)
from watchbill.api.group import GROUP
from watchbill.api.runbook_run import MUTABLE
from watchbill.api.verbs import ACCOUNT_PREFIX, APPROVE, RUN, RUNBOOKS, RUNS

NAME = "watchbill-runbookrun-acts"

_RUNBOOK = "object.spec.runbookRef.name"


def runbook_runs(operator_user: str) -> list[Manifest]:
    """The policy and its binding; that nothing else of a run changes is a rule of its schema."""
    spec = {
        "matchConstraints": matching(RUNS, "CREATE", "UPDATE"),
        "variables": _variables(operator_user),
        "validations": [
            _requester(),
            _run(),
            *(_empty_when_created(field) for field in MUTABLE),
            _act("approvals", (APPROVE,)),
            _act("manualDone", (RUN,)),
            _act("cancelledBy", (RUN, APPROVE)),
            *(_own_entry(field) for field in MUTABLE),
            _another_approver(),
            _a_person_approves(),
        ],
    }
    return validating(NAME, spec)


def _variables(operator_user: str) -> list[Manifest]:
    may = f"authorizer.group('{GROUP}').resource('{RUNBOOKS}').namespace(request.namespace).name({_RUNBOOK})"
    changes: dict[str, str] = {}
    for field in MUTABLE:
        old = f"oldObject == null ? dyn({{}}) : dyn(oldObject.spec.?{field}.orValue({{}}))"
        changes[f"{field}Before"] = old
        changes[f"{field}Now"] = f"dyn(object.spec.?{field}.orValue({{}}))"
        changes[field] = differing(f"variables.{field}Now", f"variables.{field}Before")
    return variables(
        me=ME,
        proxy=f"{ME} == {literal(operator_user)}",
        may=may,
        requester="object.spec.?requestedBy.orValue('')",
        automatic=f"{ME} == {literal(operator_user)} && has(object.spec.incidentRef) && "
        "!has(object.spec.parentRef) && size(object.spec.?parameters.orValue({})) == 0",
        **changes,
    )


def _requester() -> Manifest:
    return refusal(
        "oldObject != null || variables.requester == variables.me",
        "spec.requestedBy must name you, `${variables.me}`: create it with requestedBy: '${variables.me}'",
    )


def _run() -> Manifest:
    """The operator runs what a runbook lets it start: for an incident, in its own name, by default values."""
    return refusal(
        f"oldObject != null || variables.automatic || variables.may.check('{RUN}').allowed()",
        _lacks(f"`{RUN}`", "to run it"),
    )


def _act(field: str, verbs: tuple[str, ...]) -> Manifest:
    """An act takes one of these verbs on the runbook itself."""
    held = " || ".join(f"variables.may.check('{verb}').allowed()" for verb in verbs)
    named = " or ".join(f"`{verb}`" for verb in verbs)
    return refusal(
        f"size(variables.{field}) == 0 || variables.proxy || {held}", _lacks(named, f"to set spec.{field}")
    )


def _lacks(verbs: str, what: str) -> str:
    return (
        f"`${{{ME}}}` needs the verb {verbs} on runbook `${{{_RUNBOOK}}}` in namespace "
        f"`${{request.namespace}}` {what}: ask for a RoleBinding to a role that grants it"
    )


def _empty_when_created(field: str) -> Manifest:
    return refusal(
        f"oldObject != null || size(variables.{field}Now) == 0",
        f"spec.{field} must be empty when a run is created: there is no plan yet",
        reason="Invalid",
    )


def _own_entry(field: str) -> Manifest:
    return refusal(
        f"variables.proxy || variables.{field}.all(k, k == variables.me)",
        f"spec.{field}: you are `${{variables.me}}`: write that key, not "
        f"`${{variables.{field}.filter(k, k != variables.me)[0]}}`",
    )


def _another_approver() -> Manifest:
    """Also for the operator: who stands behind a chat user does not make two people of one.

    Nor does another spelling of one name, which some identity providers let through.
    """
    same = "k.lowerAscii() == variables.requester.lowerAscii()"
    return refusal(
        f"!variables.approvalsNow.exists(k, {same} && {_approves('k')})",
        "spec.approvals: who requested the run, `${variables.requester}`, must not approve it: ask somebody "
        "else to",
    )


def _a_person_approves() -> Manifest:
    """Whoever may run a pod, or a runbook, as an account speaks in its name."""
    account = f"k in variables.approvalsNow && {_approves('k')} && k.startsWith('{ACCOUNT_PREFIX}')"
    return refusal(
        f"!variables.approvals.exists(k, {account})",
        "spec.approvals: a ServiceAccount must not approve a run, since whoever can act as it would: ask a "
        "person to",
    )


def _approves(key: str) -> str:
    """The CEL expression of whether the approver of this key approves, and does not reject."""
    return f"variables.approvalsNow[?{key}].?decision.orValue('Approved') == 'Approved'"
