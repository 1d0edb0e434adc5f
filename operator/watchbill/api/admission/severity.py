"""The policy that a severity is a row of the class's matrix."""

from watchbill.api.admission.policy import ME, Manifest, literal, matching, refusal, validating, variables
from watchbill.api.group import API_VERSION, DEFAULT_CLASS_ANNOTATION
from watchbill.api.verbs import INCIDENTS

NAME = "watchbill-incident-severity"

_CHANGES = (
    "oldObject == null || object.spec.severity != oldObject.spec.severity || "
    "object.spec.?classRef != oldObject.spec.?classRef"
)
_MINE = (
    "has(object.spec.classRef) ? object.spec.classRef.name == params.metadata.name : "
    f"params.metadata.?annotations[?'{DEFAULT_CLASS_ANNOTATION}'].orValue('') == 'true'"
)


def incident_severity(operator_user: str) -> list[Manifest]:
    """The policy and its binding, asked once for each IncidentClass.

    The operator is let through: an alert with a severity that nobody knows must page all the same.
    """
    spec = {
        "paramKind": {"apiVersion": API_VERSION, "kind": "IncidentClass"},
        "matchConstraints": matching(INCIDENTS, "CREATE", "UPDATE"),
        "matchConditions": [
            {"name": "by-a-person", "expression": f"{ME} != {literal(operator_user)}"},
            {"name": "severity-or-class-changes", "expression": _CHANGES},
        ],
        "variables": variables(mine=_MINE),
        "validations": [
            refusal(
                "!variables.mine || params.spec.severities.exists(s, s.name == object.spec.severity)",
                "spec.severity: `${object.spec.severity}` is not a severity of IncidentClass "
                "`${params.metadata.name}`: use one of ${params.spec.severities.map(s, s.name).join(', ')}, "
                "or name another class in spec.classRef",
                reason="Invalid",
            )
        ],
    }
    return validating(NAME, spec, paramRef={"selector": {}, "parameterNotFoundAction": "Allow"})
