"""Turns a model's JSON schema into the structural schema that a CustomResourceDefinition takes.

Belongs here: what differs between the two dialects. Does not: names, columns, and anything about one kind.
"""

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

TIME_LENGTH = 35
"""RFC 3339 with nanoseconds and an offset: `2026-03-29T01:30:00.000000000+02:00`."""

STATUS_TIME_LENGTH = 24
"""The same as the operator writes it, which alone writes a status: `2026-03-29T01:30:00.000Z`."""

WORD_LENGTH = 20
"""How long a word of an open enumeration can be, of those that a newer operator writes."""

INT32_MAX = 2**31 - 1
RULES = "x-kubernetes-validations"

_CONVERTED = ("title", "default", "$defs", "const", "properties", "items", "additionalProperties")
_EXCLUSIVE = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
_DEMANDS = ("required", "pattern", "minLength", "minItems", "minProperties", "default", "enum", RULES)


class NotStructural(ValueError):
    """A model says what a CustomResourceDefinition cannot say; the message names the path."""


def structural(schema: Schema) -> Schema:
    """The structural schema of what users write; raises NotStructural where there is none."""
    return _converted(_inlined(schema, schema.get("$defs", {}), ()))


def as_status(schema: Schema) -> Schema:
    """The structural schema, reduced to what holds for the status of every version of the operator.

    Upper bounds and the keys of lists stay. Nothing else is required, defaulted or enumerated: a
    status that an older or a newer operator wrote must be accepted, or nothing more is recorded.
    Conditions keep the rules of metav1.Condition, which does not change.
    """
    reduced = {key: value for key, value in schema.items() if key not in _DEMANDS}
    if "enum" in schema:
        if any(len(word) > WORD_LENGTH for word in schema["enum"]):
            raise NotStructural(f"a word of {schema['enum']} is longer than {WORD_LENGTH} characters")
        known = ", ".join(schema["enum"])
        description = f"{schema.get('description', '')} Known values: {known}.".strip()
        reduced |= {"maxLength": WORD_LENGTH, "description": description}
    if schema.get("format") == "date-time":
        reduced["maxLength"] = STATUS_TIME_LENGTH
    if "properties" in schema:
        reduced["properties"] = {
            name: _conditions(child) if name == "conditions" else as_status(child)
            for name, child in schema["properties"].items()
        }
    if "items" in schema:
        keys = schema.get("x-kubernetes-list-map-keys")
        reduced["items"] = as_status(schema["items"]) | ({"required": keys} if keys else {})
    if "additionalProperties" in schema:
        reduced["additionalProperties"] = as_status(schema["additionalProperties"])
    return reduced


def _conditions(schema: Schema) -> Schema:
    fields = {
        name: {key: value for key, value in child.items() if key != "default"}
        for name, child in schema["items"]["properties"].items()
    }
    return schema | {"items": schema["items"] | {"properties": fields}}


def _inlined(schema: Schema, definitions: Mapping[str, Schema], path: tuple[str, ...]) -> Schema:
    """The schema without references and without null, of which a field's own keywords win."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        if f"<{name}>" in path:
            raise NotStructural(f"{'.'.join(path)}: {name} must not contain itself")
        inner = _inlined(definitions[name], definitions, (*path, f"<{name}>"))
        return _merged(inner, schema, "$ref")
    if "anyOf" in schema:
        # An absent field, never null, says that nothing is said.
        branches = [each for each in schema["anyOf"] if each.get("type") != "null"]
        if len(branches) != 1:
            raise NotStructural(f"{'.'.join(path)}: a union must be an object of which one field is set")
        return _merged(_inlined(branches[0], definitions, path), schema, "anyOf")
    found = dict(schema)
    if "properties" in schema:
        found["properties"] = {
            name: _inlined(child, definitions, (*path, name)) for name, child in schema["properties"].items()
        }
    for keyword, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(schema.get(keyword), dict):
            found[keyword] = _inlined(schema[keyword], definitions, (*path, mark))
    if "type" not in found:
        raise NotStructural(f"{'.'.join(path)}: a field must have exactly one type")
    return found


def _merged(inner: Schema, outer: Schema, without: str) -> Schema:
    """Both, of which the outer wins; the CEL rules of both hold."""
    own = {key: value for key, value in outer.items() if key != without}
    rules = [*inner.get(RULES, []), *outer.get(RULES, [])]
    return inner | own | ({RULES: rules} if rules else {})


def _converted(schema: Schema) -> Schema:
    """The schema in the keywords of Kubernetes."""
    found = {key: value for key, value in schema.items() if key not in _CONVERTED}
    if "const" in schema:
        found["enum"] = [schema["const"]]
    for exclusive, bound in _EXCLUSIVE.items():
        if exclusive in schema:
            found |= {bound: schema[exclusive], exclusive: True}
    if _says_something(schema.get("default")):
        found["default"] = schema["default"]
    # The API server drops an empty one: whoever applies the file again would be told of a difference.
    if schema.get("properties"):
        found["properties"] = {name: _converted(child) for name, child in schema["properties"].items()}
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            found[keyword] = _converted(schema[keyword])
    return found | _format(found)


def _format(schema: Schema) -> Schema:
    if schema["type"] == "integer":
        small = schema.get("minimum", -INT32_MAX) >= -INT32_MAX and schema.get("maximum", 2**53) <= INT32_MAX
        return {"format": "int32" if small else "int64"}
    if schema.get("format") == "date-time":
        return {"maxLength": TIME_LENGTH}
    return {}


def _says_something(default: object) -> bool:
    """Whether a default is more than what absence means: not empty, not false, no whole object."""
    return isinstance(default, int | str) and default is not False and default != ""
