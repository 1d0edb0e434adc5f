"""How many bytes of JSON the largest object of a structural schema takes, for ASCII text."""

import re
from collections.abc import Iterator
from typing import Any

LONGEST_BOOLEAN = len("false")
QUOTES = 2
BRACKETS = 2
COLON = 1
COMMA = 1
KEY_LENGTH = 253
"""What the CEL rule of each map allows its keys."""


def worst_case_bytes(schema: dict[str, Any]) -> int:
    """The bytes of the longest JSON text, written without spaces, that the schema's bounds allow."""
    match schema["type"]:
        case "string":
            return QUOTES + _longest_text(schema)
        case "integer":
            return max(len(str(schema["minimum"])), len(str(schema["maximum"])))
        case "boolean":
            return LONGEST_BOOLEAN
        case "array":
            return BRACKETS + int(schema["maxItems"]) * (worst_case_bytes(schema["items"]) + COMMA)
        case "object":
            return BRACKETS + _entries(schema)
    raise AssertionError(f"{schema['type']} has no bounds")


def _longest_text(schema: dict[str, Any]) -> int:
    if "enum" in schema:
        return max(len(value) for value in schema["enum"])
    return int(schema["maxLength"])


def _entries(schema: dict[str, Any]) -> int:
    if "additionalProperties" in schema:
        value = worst_case_bytes(schema["additionalProperties"])
        return int(schema["maxProperties"]) * (QUOTES + KEY_LENGTH + COLON + value + COMMA)
    sizes = {
        name: QUOTES + len(name) + COLON + worst_case_bytes(child) + COMMA
        for name, child in schema.get("properties", {}).items()
    }
    for union in _unions(schema):
        # A field of two unions counts in the first; what is left of the second is then its own.
        left = [name for name in union if name in sizes]
        sizes["|".join(left)] = max(sizes.pop(name) for name in left)
    return sum(sizes.values())


_COUNTED = re.compile(r"(\(has\(self\.\w+\) \? 1 : 0\)( \+ )?)+ (==|<=) 1")
_EITHER = re.compile(r"has\(self\.\w+\) != has\(self\.\w+\)")


def _unions(schema: dict[str, Any]) -> Iterator[list[str]]:
    """The fields of which a rule lets at most one be set."""
    for each in schema.get("x-kubernetes-validations", []):
        if _COUNTED.fullmatch(each["rule"]) or _EITHER.fullmatch(each["rule"]):
            yield re.findall(r"self\.(\w+)", each["rule"])
