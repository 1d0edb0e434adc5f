"""The policies that fill in the author, from Kubernetes 1.36 on: nobody types their own name.

Another's name that is typed is left as it is, for the policies that refuse to judge.
"""

from watchbill.api.admission.policy import ME, Manifest, literal, matching, mutating, one_of, variables
from watchbill.api.verbs import AUTHORED, AUTHORS, DECLARATION, INCIDENTS, RUNS, UPDATES


def incident_stamp(operator_user: str) -> list[Manifest]:
    """The policy on incidents and its binding.

    It writes the author of what changes where none is typed, and takes back your own name where
    nothing changes: a patch that repeats what is there stays without effect.
    """
    spec = {
        "matchConstraints": matching(INCIDENTS, "CREATE", "UPDATE"),
        "matchConditions": [_by_a_person(operator_user)],
        "variables": _variables(),
        "mutations": [_json_patch(f"{_container()} + {_stamped()} + {_taken_back()}")],
    }
    return mutating("watchbill-incident-stamp", spec)


def update_stamp(operator_user: str) -> list[Manifest]:
    """The policy on incidentupdates and its binding: the author of a new one, where none is typed."""
    nobody = {"name": "nobody-is-named", "expression": "!has(object.spec.by)"}
    spec = {
        "matchConstraints": matching(UPDATES, "CREATE"),
        "matchConditions": [_by_a_person(operator_user), nobody],
        "mutations": [_json_patch(f'[JSONPatch{{op: "add", path: "/spec/by", value: {ME}}}]')],
    }
    return mutating("watchbill-incidentupdate-stamp", spec)


def run_stamp(operator_user: str) -> list[Manifest]:
    """The policy on runbookruns and its binding: who runs a new one, where nobody is typed."""
    nobody = {"name": "nobody-is-named", "expression": "!has(object.spec.requestedBy)"}
    spec = {
        "matchConstraints": matching(RUNS, "CREATE"),
        "matchConditions": [_by_a_person(operator_user), nobody],
        "mutations": [_json_patch(f'[JSONPatch{{op: "add", path: "/spec/requestedBy", value: {ME}}}]')],
    }
    return mutating("watchbill-runbookrun-stamp", spec)


def _by_a_person(operator_user: str) -> Manifest:
    return {"name": "by-a-person", "expression": f"{ME} != {literal(operator_user)}"}


def _json_patch(expression: str) -> Manifest:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


def _variables() -> list[Manifest]:
    changed = " + ".join(f"({_differs(fields)} ? ['{author}'] : [])" for author, fields in AUTHORED.items())
    return variables(
        new=f"dyn(object.spec.?{AUTHORS}.orValue({{}}))",
        old=f"oldObject == null ? dyn({{}}) : dyn(oldObject.spec.?{AUTHORS}.orValue({{}}))",
        changed=f"oldObject == null ? ['{DECLARATION}'] : {changed}",
        kept=f"{one_of([DECLARATION, *AUTHORED])}.filter(a, variables.new[?a] == variables.old[?a])",
        stamped="variables.changed.filter(a, !(a in variables.new) || a in variables.kept)",
        idle=f"oldObject == null ? [] : {one_of(AUTHORED)}.filter(a, !(a in variables.changed) && "
        f"!(a in variables.kept) && variables.new[?a].orValue('') == {ME})",
    )


def _differs(fields: tuple[str, ...]) -> str:
    return " || ".join(f"object.spec.?{field} != oldObject.spec.?{field}" for field in fields)


def _container() -> str:
    add = f'JSONPatch{{op: "add", path: "/spec/{AUTHORS}", value: Object.spec.{AUTHORS}{{}}}}'
    return f"(size(variables.stamped) > 0 && !has(object.spec.{AUTHORS}) ? [{add}] : [])"


def _stamped() -> str:
    return f'variables.stamped.map(a, JSONPatch{{op: "add", path: "/spec/{AUTHORS}/" + a, value: {ME}}})'


def _taken_back() -> str:
    path = f'path: "/spec/{AUTHORS}/" + a'
    before = f'JSONPatch{{op: "replace", {path}, value: variables.old[a]}}'
    return f'variables.idle.map(a, a in variables.old ? {before} : JSONPatch{{op: "remove", {path}}})'
