"""Says offline what the API server would refuse in one object: the generated schema and its CEL rules."""

import difflib
import functools
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import celpy
import jsonschema
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.evaluation import CELEvalError
from pydantic import TypeAdapter

from watchbill.api.crd import crd
from watchbill.api.kinds import KINDS
from watchbill.api.model import DnsLabel, ObjectName
from watchbill.cli.findings import Path

Schema = Mapping[str, Any]
RULES = "x-kubernetes-validations"

TEXT = {"type": "string"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
METADATA: Schema = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": TypeAdapter(ObjectName).json_schema(),
        "namespace": TypeAdapter(DnsLabel).json_schema(),
        **dict.fromkeys(("generateName", "uid", "resourceVersion"), TEXT),
        **dict.fromkeys(("creationTimestamp", "deletionTimestamp", "selfLink"), TEXT),
        **dict.fromkeys(("labels", "annotations"), TEXTS),
        "generation": {"type": "integer"},
        "deletionGracePeriodSeconds": {"type": "integer"},
        "ownerReferences": {"type": "array"},
        "managedFields": {"type": "array"},
        "finalizers": {"type": "array", "items": TEXT},
    },
}
"""Kubernetes' ObjectMeta, which a CustomResourceDefinition leaves out."""

GENERATED = "00000"
"""What stands for the five characters that the API server appends to `generateName`, cut to 58."""


class Fault(NamedTuple):
    """One field that the API server would refuse, and why."""

    path: Path
    message: str


def schema_of(kind: str) -> Schema | None:
    """The schema of a kind as it is installed, with ObjectMeta filled in; None for one that is not ours."""
    return _schemas().get(kind)


def faults(schema: Schema, content: Mapping[str, Any]) -> list[Fault]:
    """Everything that the API server would refuse in an object when it is created.

    Rules that compare with the old object need one, and are left out.
    """
    admitted = _named(_admitted(schema, content))
    # One that requires several fields names all that are missing, once for each of them.
    found = [*dict.fromkeys(_structural_faults(schema, admitted)), *_duplicates(schema, admitted, ())]
    wrong = [fault.path for fault in found]
    for node, value, path in _walk(schema, _seen_by_rules(admitted), ()):
        # A rule can only be judged where what it looks at has the right shape.
        if not any(each[: len(path)] == path for each in wrong):
            found += _broken_rules(node, value, path)
    return [*_unknown_fields(schema, content, ()), *found]


@functools.cache
def _schemas() -> Mapping[str, Schema]:
    found = {}
    for kind in KINDS:
        schema = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        properties = schema["properties"] | {"metadata": METADATA}
        required = [*schema.get("required", []), "metadata"]
        found[kind.name] = schema | {"properties": properties, "required": required}
    return found


def _child(schema: Schema, step: str) -> Schema | None:
    """The schema of a field of an object; None where the object has no such field."""
    if step in (properties := schema.get("properties", {})):
        return properties[step]  # type: ignore[no-any-return] # a schema is plain JSON
    return schema.get("additionalProperties")


def _admitted(schema: Schema, value: Any) -> Any:
    """The value as it is validated: the API server first drops nulls and fills in defaults."""
    if isinstance(value, list):
        return [_admitted(schema.get("items", {}), item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {
        name: _admitted(_child(schema, name) or {}, child)
        for name, child in value.items()
        if child is not None
    }
    for name, child in schema.get("properties", {}).items():
        if name not in found and "default" in child:
            found[name] = child["default"]
    return found


def _named(content: Any) -> Any:
    metadata = content.get("metadata")
    if isinstance(metadata, dict) and "name" not in metadata and "generateName" in metadata:
        return content | {"metadata": metadata | {"name": f"{metadata['generateName'][:58]}{GENERATED}"}}
    return content


def _seen_by_rules(content: Any) -> Any:
    """The object as CEL sees it: of ObjectMeta only the names, as the API server has it."""
    metadata = content.get("metadata")
    names = metadata if isinstance(metadata, dict) else {}
    return content | {"metadata": {key: names[key] for key in ("name", "generateName") if key in names}}


def _walk(schema: Schema, value: Any, path: Path) -> Iterator[tuple[Schema, Any, Path]]:
    """Every value that a schema describes, with its schema and its path; the outermost first."""
    yield schema, value, path
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(schema.get("items", {}), item, (*path, index))
    elif isinstance(value, dict):
        for name, child in value.items():
            if (found := _child(schema, name)) is not None:
                yield from _walk(found, child, (*path, name))


def _unknown_fields(schema: Schema, content: Any, path: Path) -> Iterator[Fault]:
    for node, value, here in _walk(schema, content, path):
        if node.get("type") != "object" or not isinstance(value, dict) or "additionalProperties" in node:
            continue
        known = node.get("properties", {})
        for name in value:
            if name not in known:
                near = difflib.get_close_matches(name.lower(), {each.lower(): each for each in known}, 1)
                meant = [each for each in known if each.lower() in near]
                hint = f"; did you mean `{meant[0]}`?" if meant else ""
                yield Fault((*here, name), f"there is no such field{hint}")


def _duplicates(schema: Schema, content: Any, path: Path) -> Iterator[Fault]:
    """Items of a set, or keys of a list map, that are there twice."""
    for node, value, here in _walk(schema, content, path):
        type_ = node.get("x-kubernetes-list-type")
        if type_ not in ("set", "map") or not isinstance(value, list):
            continue
        seen: list[Any] = []
        for index, item in enumerate(value):
            keys = node.get("x-kubernetes-list-map-keys", [])
            identity = {key: item.get(key) for key in keys} if keys and isinstance(item, dict) else item
            if identity in seen:
                words = [
                    _said(each) for each in (identity.values() if isinstance(identity, dict) else [identity])
                ]
                yield Fault((*here, index), f"{', '.join(words)} is in the list already")
            seen.append(identity)


def _structural_faults(schema: Schema, content: Any) -> Iterator[Fault]:
    validator = jsonschema.Draft4Validator(schema, format_checker=_FORMATS)
    for error in validator.iter_errors(content):
        path: Path = tuple(error.absolute_path)
        if error.validator == "required":
            for name in sorted(set(error.validator_value) - set(error.instance)):
                yield Fault((*path, name), "must be set")
        else:
            say = MESSAGES.get(str(error.validator))
            yield Fault(path, say(error) if say else error.message[:256])


MESSAGES: Mapping[str, Callable[[Any], str]] = {
    "type": lambda error: f"must be of type {error.validator_value}, not {_said(error.instance)}",
    "enum": lambda error: f"must be one of {', '.join(error.validator_value)}, not {_said(error.instance)}",
    "pattern": lambda error: f"{_said(error.instance)} does not match {error.validator_value}",
    "maxLength": lambda error: f"must not be longer than {error.validator_value} characters",
    "minLength": lambda error: f"must not be shorter than {error.validator_value} characters",
    "maxItems": lambda error: f"must not have more items than {error.validator_value}",
    "minItems": lambda error: f"must not have fewer items than {error.validator_value}",
    "minimum": lambda error: f"must be at least {error.validator_value}",
    "maximum": lambda error: f"must be at most {error.validator_value}",
    "format": lambda error: f"{_said(error.instance)} is not a {error.validator_value}",
}
"""What is said for each keyword of a schema, in the words of the API rather than of Python."""


def _said(value: Any) -> str:
    words = {list: "a list", dict: "an object", type(None): "null"}
    return words.get(type(value), repr(value) if isinstance(value, str) else str(value).lower())[:80]


_FORMATS = jsonschema.FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def rules_of(schema: Schema) -> list[Mapping[str, str]]:
    """The CEL rules of a schema node that look at the new object alone."""
    return [each for each in schema.get(RULES, []) if "oldSelf" not in each["rule"]]


def _broken_rules(schema: Schema, value: Any, path: Path) -> Iterator[Fault]:
    for rule in rules_of(schema):
        try:
            holds = bool(program(rule["rule"]).evaluate({"self": json_to_cel(value)}))
            message = rule["message"]
        except CELEvalError as error:
            holds, message = False, f"{rule['message']} ({error.args[0]})"
        if not holds:
            field = rule.get("fieldPath", "").lstrip(".")
            yield Fault((*path, field) if field else path, message)


@functools.cache
def program(rule: str) -> celpy.Runner:
    """A CEL rule, compiled, with the functions that Kubernetes adds to CEL and our rules use."""
    environment = celpy.Environment()
    return environment.program(environment.compile(rule), functions={"sum": _sum})


def _sum(items: celtypes.ListType) -> celtypes.IntType:
    return functools.reduce(lambda total, each: total + each, items, celtypes.IntType(0))
