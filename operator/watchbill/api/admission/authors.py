"""The validations of an Incident that say whose name must stand where.

They read the variables of the policy in `admission_acts`.
"""

from collections.abc import Iterable

from watchbill.api.admission.policy import Manifest, refusal
from watchbill.api.verbs import AUTHORED, AUTHORS, DECLARATION


def declaration() -> Manifest:
    """Absent is allowed in a declaration: below Kubernetes 1.36 nothing fills it in."""
    new, old = (f"variables.{side}Authors.?{DECLARATION}" for side in ("new", "old"))
    mine = f"variables.created ? {new}.orValue(variables.me) == variables.me : {new} == {old}"
    return refusal(
        f"variables.proxy || ({mine})",
        f"spec.{AUTHORS}.{DECLARATION} must name you, `${{variables.me}}`, when you declare, and must not "
        "change: leave it as it is",
    )


def own_acknowledgement() -> Manifest:
    """An entry of `acknowledgedBy` is made, changed and withdrawn by the person whose key it is."""
    return refusal(
        "variables.proxy || variables.acks.all(k, k == variables.me)",
        "spec.acknowledgedBy: you are `${variables.me}`: write that key, not "
        "`${variables.acks.filter(k, k != variables.me)[0]}`",
    )


def own_settlement() -> Manifest:
    """An entry of `debtSettledBy` is made, changed and withdrawn by the person whose key it is."""
    return refusal(
        "variables.proxy || variables.settled.all(k, k == variables.me)",
        "spec.debtSettledBy: you are `${variables.me}`: write that key, not "
        "`${variables.settled.filter(k, k != variables.me)[0]}`",
    )


def authors() -> list[Manifest]:
    """Every author but the declaration's changes with its fields, and names the caller then."""
    return [_author(author, fields) for author, fields in AUTHORED.items()]


def _author(author: str, fields: tuple[str, ...]) -> Manifest:
    """In a declaration the author may be absent: `declaration` stands for all of it."""
    new, old = (f"variables.{side}Authors.?{author}" for side in ("new", "old"))
    mine = f"{new}.orValue(variables.created ? variables.me : '') == variables.me"
    together = " or ".join(f"spec.{field}" for field in fields)
    return refusal(
        f"variables.proxy || (variables.created || {any_changed(fields)} ? {mine} : {new} == {old})",
        f"spec.{AUTHORS}.{author} must name you, `${{variables.me}}`, and change only with {together}: "
        f"patch them together with {AUTHORS}: {{{author}: '${{variables.me}}'}}",
    )


def any_changed(fields: Iterable[str]) -> str:
    """The CEL condition that one of these fields of the spec is set anew or removed."""
    return " || ".join(f"'{field}' in variables.changed" for field in fields)
