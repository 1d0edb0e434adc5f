"""The policy on what people write into an Incident: whose verb, whose name, and when."""

from collections.abc import Iterator, Mapping

from watchbill.api.admission_policy import ME, Manifest, literal, matching, one_of, refusal, said, variables
from watchbill.api.admission_policy import validating as validating_policy
from watchbill.api.group import GROUP
from watchbill.api.verbs import (
    AUTHORED,
    AUTHORS,
    CORRECTIONS,
    DECLARATION,
    ENDED,
    INCIDENTS,
    OPENING,
    STATE,
    VERB_OF,
    Verb,
)

NAME = "watchbill-incident-acts"


def incident_acts(
    operator_user: str, name: str = NAME, verb_of: Mapping[str, Verb] = VERB_OF
) -> list[Manifest]:
    """The policy and its binding, with the verbs of this table; the operator's user writes for others."""
    spec = {
        "matchConstraints": matching(INCIDENTS, "CREATE", "UPDATE"),
        "variables": _variables(operator_user),
        "validations": [
            _default_deny(verb_of),
            _declaration(),
            *_empty_when_declared(),
            _ended(),
            *_verbs(verb_of),
            _own_acknowledgement(),
            *_authors(),
            _reason_to_cancel(),
        ],
    }
    return validating_policy(name, spec)
