"""The policies on who may have something done by a run: only who may do it themselves."""

from watchbill.api.admission.acts import ROLE
from watchbill.api.admission.policy import (
    ME,
    Manifest,
    differing,
    literal,
    matching,
    needs,
    refusal,
    validating,
)
from watchbill.api.group import GROUP
from watchbill.api.verbs import INCIDENTS, RUNBOOKS, RUNS

NAME = "watchbill-runbook-account"
STATUS_NAME = "watchbill-runbookrun-status"


def runbook_account() -> list[Manifest]:
    """The policy on runbooks and its binding.

    It asks again at every change of the spec: other steps do other things as the same account. Suspended or
    resumed, it does nothing that was not asked for when it was written. What marks an incident says something
    of it, for which people need a verb.
    """
    # As a map, for of an object nobody may ask which fields it has.
    fields = differing("dyn(object.spec)", "dyn(oldObject.spec)")
    changes = f"oldObject == null || ({fields}).exists(field, field != 'suspend')"
    name = "object.spec.serviceAccountName"
    spec = {
        "matchConstraints": matching(RUNBOOKS, "CREATE", "UPDATE"),
        "matchConditions": [{"name": "spec-changes", "expression": changes}],
        "validations": [
            refusal(
                _may_act_as(name),
                f"spec.serviceAccountName: `${{{ME}}}` may not act as ServiceAccount `${{{name}}}`, so may "
                "not write what acts as it: ask for `create` on serviceaccounts/token of that account in "
                "namespace `${request.namespace}`",
            ),
            refusal(
                f"!object.spec.steps.exists(s, has(s.marks)) || {_may_resolve()}",
                needs("resolve", INCIDENTS, "steps.marks", ROLE),
            ),
        ],
    }
    return validating(NAME, spec)


def run_status(operator_user: str) -> list[Manifest]:
    """The policy on the status of runs and its binding.

    The status holds the runbook that is run and who stands behind it: whoever writes it decides what is done
    as the account. Who holds every verb in a namespace does not for that reason hold the account.
    """
    name = "object.?status.?snapshot.?account.orValue('')"
    spec = {
        "matchConstraints": matching(f"{RUNS}/status", "UPDATE"),
        "validations": [
            refusal(
                f"{ME} == {literal(operator_user)} || {_may_act_as(name)}",
                f"status: `${{{ME}}}` may not act as ServiceAccount `${{{name}}}`, so may not write what a "
                "run does as it: watchbill alone writes the status of runs",
            )
        ],
    }
    return validating(STATUS_NAME, spec)


def _may_resolve() -> str:
    """The CEL expression of whether the caller may say that incidents of the namespace are over."""
    incidents = f"authorizer.group('{GROUP}').resource('{INCIDENTS}').namespace(request.namespace)"
    return f"{incidents}.check('resolve').allowed()"


def _may_act_as(name: str) -> str:
    """The CEL expression of whether the caller may have tokens of an account: of any where it is empty."""
    return (
        "authorizer.group('').resource('serviceaccounts').subresource('token')"
        f".namespace(request.namespace).name({name}).check('create').allowed()"
    )
