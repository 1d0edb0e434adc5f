"""The policy that the parameters of a run are those of its runbook, each of its type."""

from watchbill.api.admission.policy import ME, Manifest, literal, matching, refusal, validating, variables
from watchbill.api.durations import DURATION_PATTERN
from watchbill.api.group import API_VERSION
from watchbill.api.verbs import RUNS

NAME = "watchbill-runbookrun-parameters"

_TYPED = (
    "p.?type.orValue('String') == 'Integer' ? "
    "(v.matches('^-?[0-9]{1,10}$') && (!has(p.min) || int(v) >= p.min) && (!has(p.max) || int(v) <= p.max)) "
    ": p.?type.orValue('String') == 'Boolean' ? v in ['true', 'false'] "
    f": p.?type.orValue('String') == 'Duration' ? v.matches('{DURATION_PATTERN}') "
    ": (!has(p.pattern) || v.matches('^(?:' + p.pattern + ')$'))"
)
_WRONG = (
    "variables.declared.filter(p, p.name in variables.given && "
    f"![variables.given[p.name]].all(v, (!has(p.enum) || v in p.enum) && ({_TYPED})))"
)
_TAKEN = (
    "has(variables.wrong[0].enum) ? 'one of ' + variables.wrong[0].enum.join(', ') : "
    "has(variables.wrong[0].pattern) ? 'a text that matches ' + variables.wrong[0].pattern : "
    "variables.wrong[0].?type.orValue('String') + "
    "(has(variables.wrong[0].min) ? ', at least ' + string(variables.wrong[0].min) : '') + "
    "(has(variables.wrong[0].max) ? ', at most ' + string(variables.wrong[0].max) : '')"
)
_BOOK = "runbook `${params.metadata.name}`"


def runbook_run_parameters(operator_user: str) -> list[Manifest]:
    """The policy and its binding, asked once for each Runbook of the namespace when a run is created.

    No value is repeated, for one may be secret. The operator is let through: what it starts by itself is
    Blocked with the same words, where people see it.
    """
    names = "variables.declared.map(p, p.name)"
    spec = {
        "paramKind": {"apiVersion": API_VERSION, "kind": "Runbook"},
        "matchConstraints": matching(RUNS, "CREATE"),
        "matchConditions": [{"name": "by-a-person", "expression": f"{ME} != {literal(operator_user)}"}],
        "variables": variables(
            mine="object.spec.runbookRef.name == params.metadata.name",
            given="dyn(object.spec.?parameters.orValue({}))",
            declared="dyn(params.spec.?parameters.orValue([]))",
            unknown=f"variables.given.map(k, k).filter(k, !(k in {names}))",
            missing="variables.declared.filter(p, !(p.name in variables.given || has(p.default) || "
            "has(p.from)))",
            wrong=_WRONG,
        ),
        "validations": [
            refusal(
                "!variables.mine || size(variables.unknown) == 0",
                f"spec.parameters.${{variables.unknown[0]}}: {_BOOK} has no such parameter; it has "
                f"${{{names}.join(', ')}}",
                reason="Invalid",
            ),
            refusal(
                "!variables.mine || size(variables.missing) == 0",
                f"spec.parameters.${{variables.missing[0].name}}: must be given, for {_BOOK} has no default "
                "for it",
                reason="Invalid",
            ),
            refusal(
                "!variables.mine || size(variables.wrong) == 0",
                f"spec.parameters.${{variables.wrong[0].name}}: {_BOOK} takes ${{({_TAKEN})}}",
                reason="Invalid",
            ),
        ],
    }
    return validating(NAME, spec, paramRef={"selector": {}, "parameterNotFoundAction": "Allow"})
