"""The policy on what people write into an Incident: whose verb, whose name, and when."""

from collections.abc import Mapping

from watchbill.api.admission.authors import (
    any_changed,
    authors,
    declaration,
    own_acknowledgement,
    own_settlement,
)
from watchbill.api.admission.policy import (
    ME,
    Manifest,
    differing,
    literal,
    matching,
    needs,
    one_of,
    refusal,
    validating,
    variables,
)
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
ROLE = "watchbill-responder"
"""The example role that grants every verb."""


def incident_acts(
    operator_user: str, name: str = NAME, verb_of: Mapping[str, Verb] = VERB_OF
) -> list[Manifest]:
    """The policy and its binding, by this table of verbs; the operator's user acts for others."""
    spec = {
        "matchConstraints": matching(INCIDENTS, "CREATE", "UPDATE"),
        "variables": _variables(operator_user, verb_of),
        "validations": [
            _default_deny(),
            declaration(),
            *_empty_when_declared(),
            _ended(),
            *_verbs(verb_of),
            own_acknowledgement(),
            own_settlement(),
            *authors(),
        ],
    }
    return validating(name, spec)


def _variables(operator_user: str, verb_of: Mapping[str, Verb]) -> list[Manifest]:
    """The variables; `dyn` lets CEL walk the fields of the spec as the keys of a map."""
    fields, names = one_of([*verb_of, AUTHORS]), one_of([DECLARATION, *AUTHORED])
    may = f"authorizer.group('{GROUP}').resource('{INCIDENTS}').namespace(request.namespace)"
    return variables(
        me=ME,
        proxy=f"{ME} == {literal(operator_user)}",
        may=f"{may}.name(request.name)",
        created="oldObject == null",
        old="oldObject == null ? dyn({}) : dyn(oldObject.spec)",
        new="dyn(object.spec)",
        changed=differing("variables.new", "variables.old"),
        oldAcks="variables.old.?acknowledgedBy.orValue({})",
        newAcks="variables.new.?acknowledgedBy.orValue({})",
        acks=differing("variables.newAcks", "variables.oldAcks"),
        oldSettled="variables.old.?debtSettledBy.orValue({})",
        newSettled="variables.new.?debtSettledBy.orValue({})",
        settled=differing("variables.newSettled", "variables.oldSettled"),
        oldAuthors=f"variables.old.?{AUTHORS}.orValue({{}})",
        newAuthors=f"variables.new.?{AUTHORS}.orValue({{}})",
        unguarded=f"variables.changed.filter(f, !(f in {fields})) + "
        f"variables.newAuthors.map(a, a).filter(a, !(a in {names})).map(a, '{AUTHORS}.' + a)",
        state="variables.new.?state.orValue('Open')",
    )


def _default_deny() -> Manifest:
    """Also for the operator: a field that the policy does not know is newer than the policy."""
    return refusal(
        "size(variables.unguarded) == 0",
        "spec.${variables.unguarded[0]} is guarded by no verb, so nobody may set it: install the admission "
        "policies that belong to the CRDs, as `watchbill policies` prints them",
    )


def _empty_when_declared() -> list[Manifest]:
    """What answers to a page or tells how an incident went cannot be known when it starts."""
    acknowledge = "kubectl patch --type=merge -p \"spec: {acknowledgedBy: {'${variables.me}': {}}}\""
    return [
        refusal(
            "!variables.created || size(variables.newAcks) == 0",
            "spec.acknowledgedBy must be empty when an incident is declared: declare it, then acknowledge "
            f"as `${{variables.me}}` with {acknowledge}",
            reason="Invalid",
        ),
        refusal(
            "!variables.created || size(variables.new.?escalation.orValue({})) == 0",
            "spec.escalation must be empty when an incident is declared: declare it, then patch "
            "spec.escalation",
            reason="Invalid",
        ),
        refusal(
            "!variables.created || size(variables.newSettled) == 0",
            "spec.debtSettledBy must be empty when an incident is declared: no run has changed anything yet",
            reason="Invalid",
        ),
        refusal(
            "!variables.created || variables.new.?mode.orValue('Live') == 'Backfill' || "
            f"!({any_changed(STATE)})",
            "spec.state and spec.stateReason must be absent when an incident is declared: leave them out, "
            "or set spec.mode to Backfill to record an incident of the past",
            reason="Invalid",
        ),
    ]


def _ended() -> Manifest:
    phase = "oldObject.?status.?phase.orValue('')"
    corrections = ", ".join(f"spec.{field}" for field in CORRECTIONS)
    return refusal(
        f"variables.created || !({phase} in {one_of(ENDED)}) || "
        f"variables.changed.all(f, f in {one_of(CORRECTIONS)})",
        f"this incident is ${{{phase}}} and takes no more acts: declare a new one with kubectl create "
        f"(only {corrections} may still be corrected)",
        reason="Invalid",
    )


def _verbs(verb_of: Mapping[str, Verb]) -> list[Manifest]:
    """Creating takes RBAC's own `create`; only the state of an incident of the past takes more."""
    return [
        *(_verb(verb, verb_of) for verb in sorted({v for f, v in verb_of.items() if f not in STATE})),
        _verb_for_state(verb_of),
    ]


def _verb(verb: Verb, verb_of: Mapping[str, Verb]) -> Manifest:
    fields = one_of(field for field, guard in verb_of.items() if guard == verb and field not in STATE)
    touched = f"variables.changed.filter(f, f in {fields})"
    return refusal(
        "variables.created || variables.proxy || "
        f"size({touched}) == 0 || variables.may.check('{verb}').allowed()",
        needs(verb, INCIDENTS, f"${{{touched}[0]}}", ROLE),
    )


def _verb_for_state(verb_of: Mapping[str, Verb]) -> Manifest:
    verb = f"(variables.state == 'Open' ? '{OPENING}' : '{verb_of['state']}')"
    return refusal(
        f"variables.proxy || !({any_changed(STATE)}) || variables.may.check({verb}).allowed()",
        needs(f"${{{verb}}}", INCIDENTS, "state to ${variables.state}", ROLE),
    )
