"""The Kubernetes keywords that a field's JSON schema carries beside its bounds."""

from pydantic.config import JsonDict

ATOMIC: JsonDict = {"x-kubernetes-list-type": "atomic"}
"""A list that is replaced as a whole."""

WHOLE: JsonDict = {"x-kubernetes-map-type": "atomic"}
"""An object that has one owner under server-side apply, who writes it as a whole."""

SET: JsonDict = {"x-kubernetes-list-type": "set"}
"""A list of scalars without duplicates, merged under server-side apply."""


def list_map(*keys: str) -> JsonDict:
    """The keywords of a list of objects that is merged by these keys and keeps its order."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


def rule(expression: str, message: str, path: str | None = None) -> JsonDict:
    """One CEL rule, its message, and the path of the field to blame where it is not the rule's own."""
    found: JsonDict = {"rule": expression, "message": message}
    return found | ({"fieldPath": path} if path else {})


def rules(*found: JsonDict) -> JsonDict:
    """The keyword that holds CEL rules."""
    return {"x-kubernetes-validations": list(found)}


def duration_between(low: str, high: str, name: str) -> JsonDict:
    """The CEL rule that keeps a duration field between two GEP-2257 durations, both allowed."""
    return rules(
        rule(
            f"duration(self) >= duration('{low}') && duration(self) <= duration('{high}')",
            f"`{name}` must be a duration from {low} to {high}, such as 5m or 1h30m",
        )
    )
