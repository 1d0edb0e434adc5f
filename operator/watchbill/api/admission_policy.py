"""The shape of an admission policy: a manifest and its binding, and the CEL texts within."""

import re
from collections.abc import Iterable
from typing import Any

from watchbill.api.group import GROUP

Manifest = dict[str, Any]

_REGISTRATION = "admissionregistration.k8s.io/v1"
_EXPRESSION = re.compile(r"\$\{(.*?)\}")

ME = "request.userInfo.username"
"""The CEL expression of the caller's user name."""


def literal(text: str) -> str:
    """The CEL string literal of a text on one line."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def one_of(names: Iterable[str]) -> str:
    """The CEL list of these texts."""
    return "[" + ", ".join(literal(name) for name in names) + "]"


def said(text: str) -> str:
    """The CEL expression of a text in which each `${expression}` is replaced by its value."""
    parts = _EXPRESSION.split(text)
    terms = [part if odd else literal(part) for odd, part in _alternating(parts) if part]
    return " + ".join(terms)


def variables(**expressions: str) -> list[Manifest]:
    """The variables of a policy, in order; each may use those before it."""
    return [{"name": name, "expression": text} for name, text in expressions.items()]


def refusal(unless: str, text: str, *, reason: str = "Forbidden") -> Manifest:
    """The validation that refuses with this text, read by `said`, unless the expression holds."""
    return {"expression": unless, "messageExpression": said(text), "reason": reason}


def matching(resource: str, *operations: str) -> Manifest:
    """The constraint that a policy is about these operations on one resource of ours, and no subresource."""
    rule = {"apiGroups": [GROUP], "apiVersions": ["*"], "operations": list(operations)}
    return {"resourceRules": [{**rule, "resources": [resource]}]}


def validating(
    name: str, spec: Manifest, *, binding: Manifest | None = None, failure: str = "Fail"
) -> list[Manifest]:
    """The policy that refuses, and its binding to the whole cluster with these further fields."""
    bound = {"policyName": name, "validationActions": ["Deny"], **(binding or {})}
    return [
        _manifest("ValidatingAdmissionPolicy", name, {"failurePolicy": failure, **spec}),
        _manifest("ValidatingAdmissionPolicyBinding", name, bound),
    ]


def mutating(name: str, spec: Manifest) -> list[Manifest]:
    """The policy that fills in, and its binding; where it fails, the policies that refuse stand alone."""
    spec = {"failurePolicy": "Ignore", "reinvocationPolicy": "Never", **spec}
    return [
        _manifest("MutatingAdmissionPolicy", name, spec),
        _manifest("MutatingAdmissionPolicyBinding", name, {"policyName": name}),
    ]


def _manifest(kind: str, name: str, spec: Manifest) -> Manifest:
    return {"apiVersion": _REGISTRATION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _alternating(parts: list[str]) -> Iterable[tuple[bool, str]]:
    return ((bool(index % 2), part) for index, part in enumerate(parts))
