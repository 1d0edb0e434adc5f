"""The policy on the status of incidents: what the operator decided, and nobody else says."""

from watchbill.api.admission.policy import ME, Manifest, literal, matching, refusal, validating
from watchbill.api.group import GROUP
from watchbill.api.verbs import INCIDENTS

NAME = "watchbill-incident-status"


def incident_status(operator_user: str) -> list[Manifest]:
    """The policy and its binding.

    The status names the connections that are paged, in whatever namespace: who writes it decides whose they
    are. So a right in one namespace is not enough; whoever has it in the whole cluster reaches them anyway.
    """
    everywhere = f"authorizer.group('{GROUP}').resource('{INCIDENTS}').subresource('status')"
    spec = {
        "matchConstraints": matching(f"{INCIDENTS}/status", "UPDATE"),
        "validations": [
            refusal(
                f"{ME} == {literal(operator_user)} || {everywhere}.check('patch').allowed()",
                f"status: `${{{ME}}}` may not write the status of incidents of every namespace, so may not "
                "write this one, which names whom to page: watchbill alone writes it",
            )
        ],
    }
    return validating(NAME, spec)
