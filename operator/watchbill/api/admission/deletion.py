"""The policy on deleting an Incident: not while it is open."""

from watchbill.api.admission.policy import Manifest, matching, one_of, refusal, validating
from watchbill.api.verbs import ENDED, INCIDENTS

NAME = "watchbill-incident-deletion"

_OVER = (
    f"oldObject.?status.?phase.orValue('') in {one_of(['Resolved', *ENDED])}",
    # The people's word counts while the operator is down.
    "oldObject.?spec.?state.orValue('') in ['Resolved', 'Cancelled']",
    "oldObject.?spec.?mode.orValue('Live') != 'Live'",
    # Else a namespace that is deleted would hang on its incidents for ever.
    "(namespaceObject != null && has(namespaceObject.metadata.deletionTimestamp))",
)


def incident_deletion() -> list[Manifest]:
    """The policy and its binding."""
    spec = {
        "matchConstraints": matching(INCIDENTS, "DELETE"),
        "validations": [
            refusal(
                " || ".join(_OVER),
                "an open incident must not be deleted: set spec.state to Resolved or Cancelled first, with "
                "a spec.stateReason",
            )
        ],
    }
    return validating(NAME, spec)
