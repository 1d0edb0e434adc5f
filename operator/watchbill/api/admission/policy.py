"""The shape of an admission policy: a manifest and its binding, and the CEL texts within."""

import re
from collections.abc import Iterable
from typing import Any, Literal

from watchbill.api.group import GROUP

Manifest = dict[str, Any]
Reason = Literal["Forbidden", "Invalid"]

ME = "request.userInfo.username"
"""The CEL expression of the caller's user name."""

_REGISTRATION = "admissionregistration.k8s.io/v1"
_EXPRESSION = re.compile(r"\$\{((?:[^{}]|\{\})*)\}")


def literal(text: str) -> str:
    """The CEL string literal of a text on one line."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def one_of(names: Iterable[str]) -> str:
    """The CEL list of these texts."""
    return "[" + ", ".join(literal(name) for name in names) + "]"


def differing(new: str, old: str) -> str:
    """The CEL list of the keys at which two maps differ, those only the old one has last."""
    return (
        f"{new}.map(k, k).filter(k, !(k in {old}) || {old}[k] != {new}[k]) + "
        f"{old}.map(k, k).filter(k, !(k in {new}))"
    )


def said(text: str) -> str:
    """The CEL expression of a text in which each `${expression}` stands for its value."""
    parts = _EXPRESSION.split(text)
    terms = [part if index % 2 else literal(part) for index, part in enumerate(parts)]
    return " + ".join(term for term in terms if term != "''")


def variables(**expressions: str) -> list[Manifest]:
    """The variables of a policy, in order; each may use those before it."""
    return [{"name": name, "expression": text} for name, text in expressions.items()]


def refusal(unless: str, text: str, *, reason: Reason = "Forbidden") -> Manifest:
    """The validation that refuses with this text, read by `said`, unless the expression holds."""
    return {"expression": unless, "messageExpression": said(text), "reason": reason}


def needs(verb: str, resource: str, what: str, role: str) -> str:
    """The text that tells the caller which verb is needed to set what, and which role grants it."""
    return (
        f"`${{{ME}}}` needs the verb `{verb}` on {resource}.{GROUP} in namespace "
        f"`${{request.namespace}}` to set spec.{what}: ask for a RoleBinding to a role that grants it, such "
        f"as {role}"
    )


def matching(resource: str, *operations: str) -> Manifest:
    """The constraint to these operations on one resource of ours, without its subresources.

    What the API server would fill in is spelled out: it holds the whole as one field, and whoever applies
    the policy after somebody else would meet a conflict.
    """
    rule = {"apiGroups": [GROUP], "apiVersions": ["*"], "operations": list(operations)}
    return {
        "matchPolicy": "Equivalent",
        "namespaceSelector": {},
        "objectSelector": {},
        "resourceRules": [{**rule, "resources": [resource], "scope": "*"}],
    }


def validating(name: str, spec: Manifest, **binding: Any) -> list[Manifest]:
    """The policy that refuses, and its binding with these further fields."""
    bound = {"policyName": name, "validationActions": ["Deny"], **binding}
    return [
        _manifest("ValidatingAdmissionPolicy", name, {"failurePolicy": "Fail", **spec}),
        _manifest("ValidatingAdmissionPolicyBinding", name, bound),
    ]


def mutating(name: str, spec: Manifest) -> list[Manifest]:
    """The policy that fills in, and its binding; where it fails, those that refuse stand alone."""
    settings = {"failurePolicy": "Ignore", "reinvocationPolicy": "Never"}
    return [
        _manifest("MutatingAdmissionPolicy", name, {**settings, **spec}),
        _manifest("MutatingAdmissionPolicyBinding", name, {"policyName": name}),
    ]


def _manifest(kind: str, name: str, spec: Manifest) -> Manifest:
    return {"apiVersion": _REGISTRATION, "kind": kind, "metadata": {"name": name}, "spec": spec}
