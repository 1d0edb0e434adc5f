"""The policy on IncidentUpdates: who says it, and who approves it."""

from watchbill.api.admission.policy import (
    ME,
    Manifest,
    differing,
    literal,
    matching,
    needs,
    refusal,
    validating,
    variables,
)
from watchbill.api.group import GROUP
from watchbill.api.verbs import APPROVE, UPDATES

NAME = "watchbill-incidentupdate-authors"


def incident_updates(operator_user: str) -> list[Manifest]:
    """The policy and its binding; that a posted update does not change is a rule of its schema."""
    spec = {
        "matchConstraints": matching(UPDATES, "CREATE", "UPDATE"),
        "variables": _variables(operator_user),
        "validations": [_author(), _verb(), _own_approval(), _another_approver()],
    }
    return validating(NAME, spec)


def _variables(operator_user: str) -> list[Manifest]:
    may = f"authorizer.group('{GROUP}').resource('{UPDATES}').namespace(request.namespace)"
    return variables(
        me=ME,
        proxy=f"{ME} == {literal(operator_user)}",
        may=f"{may}.name(request.name)",
        author="object.spec.?by.orValue('')",
        oldApprovals="oldObject == null ? dyn({}) : dyn(oldObject.spec.?approvals.orValue({}))",
        newApprovals="dyn(object.spec.?approvals.orValue({}))",
        approvers=differing("variables.newApprovals", "variables.oldApprovals"),
    )


def _author() -> Manifest:
    return refusal(
        "oldObject != null || variables.proxy || variables.author == variables.me",
        "spec.by must name you, `${variables.me}`: post it with by: '${variables.me}'",
    )


def _verb() -> Manifest:
    return refusal(
        f"size(variables.approvers) == 0 || variables.proxy || variables.may.check('{APPROVE}').allowed()",
        needs(APPROVE, UPDATES, "approvals", "watchbill-approver"),
    )


def _own_approval() -> Manifest:
    return refusal(
        "variables.proxy || variables.approvers.all(k, k == variables.me)",
        "spec.approvals: you are `${variables.me}`: write that key, not "
        "`${variables.approvers.filter(k, k != variables.me)[0]}`",
    )


def _another_approver() -> Manifest:
    """Also for the operator: who stands behind a chat user does not make two people of one."""
    own = "variables.newApprovals[?variables.author].?decision.orValue('Approved')"
    return refusal(
        f"!(variables.author in variables.newApprovals) || {own} != 'Approved'",
        "spec.approvals: the author, `${variables.author}`, must not approve: ask somebody else to",
    )
