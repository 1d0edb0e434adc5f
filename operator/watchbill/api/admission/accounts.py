"""The policy on who may have a runbook act as an account: only who may act as it themselves."""

from watchbill.api.admission.policy import ME, Manifest, matching, refusal, validating
from watchbill.api.verbs import RUNBOOKS

NAME = "watchbill-runbook-account"


def runbook_account() -> list[Manifest]:
    """The policy and its binding.

    It asks again at every change of the spec: other steps do other things as the same account.
    """
    changes = "oldObject == null || object.spec != oldObject.spec"
    name = "object.spec.serviceAccountName"
    asked = (
        "authorizer.group('').resource('serviceaccounts').subresource('token')"
        f".namespace(request.namespace).name({name})"
    )
    spec = {
        "matchConstraints": matching(RUNBOOKS, "CREATE", "UPDATE"),
        "matchConditions": [{"name": "spec-changes", "expression": changes}],
        "validations": [
            refusal(
                f"{asked}.check('create').allowed()",
                f"spec.serviceAccountName: `${{{ME}}}` may not act as ServiceAccount `${{{name}}}`, so may "
                "not write what acts as it: ask for `create` on serviceaccounts/token of that account in "
                "namespace `${request.namespace}`",
            )
        ],
    }
    return validating(NAME, spec)
