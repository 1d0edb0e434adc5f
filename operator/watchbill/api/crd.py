"""Renders every kind as a CustomResourceDefinition."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from watchbill.api.group import CATEGORY, GROUP, VERSION
from watchbill.api.kinds import KINDS, Column, Kind
from watchbill.api.schema import rule
from watchbill.api.structural import RULES, Schema, as_status, structural

NAME_LENGTH = 63

SHORT_NAME = rule(
    f"size(self.metadata.name) <= {NAME_LENGTH}",
    f"`metadata.name` must be at most {NAME_LENGTH} characters: choose a shorter name",
    ".metadata.name",
)
"""References to the kind can then be short, and whoever freezes many of them stays small."""


def crds() -> list[dict[str, Any]]:
    """The CustomResourceDefinition of every kind, in the order of the table of kinds."""
    return [crd(kind) for kind in KINDS]


def crd(kind: Kind) -> dict[str, Any]:
    """The CustomResourceDefinition of one kind; raises NotStructural for a model that cannot be one."""
    names = {
        "kind": kind.name,
        "listKind": f"{kind.name}List",
        "plural": kind.plural,
        "singular": kind.singular,
        "categories": [CATEGORY],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": names | ({"shortNames": list(kind.short_names)} if kind.short_names else {}),
            "scope": kind.scope,
            "versions": [_version(kind)],
        },
    }


def render_yaml(objects: Iterable[Mapping[str, Any]]) -> str:
    """The objects as YAML documents, the same text for the same objects, with keys in order."""
    texts = (yaml.dump(each, Dumper=_Plain, width=100, allow_unicode=True) for each in objects)
    return "---\n".join(texts)


class _Plain(yaml.SafeDumper):
    """Writes equal parts out in full: YAML's aliases read badly in a review."""

    def ignore_aliases(self, data: object) -> bool:
        """No part becomes an alias."""
        return True


def _version(kind: Kind) -> dict[str, Any]:
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [_column(column) for column in kind.columns],
        "schema": {"openAPIV3Schema": _schema(kind)},
    }
    fields = [{"jsonPath": path} for path in kind.selectable]
    return version | ({"selectableFields": fields} if fields else {})


def _column(column: Column) -> dict[str, Any]:
    found = {"name": column.name, "type": column.type, "jsonPath": column.path}
    return found | ({"priority": 1} if column.wide else {})


def _schema(kind: Kind) -> Schema:
    fields = structural(kind.model.model_json_schema(by_alias=True))["properties"]
    return {
        "type": "object",
        "description": kind.description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {
                "type": "string",
                "description": f"apiVersion is the version of the schema: {GROUP}/{VERSION}.",
            },
            "kind": {"type": "string", "description": f"kind is {kind.name}."},
            # The rule can blame only a field that the schema names.
            "metadata": {"type": "object", "properties": {"name": {"type": "string"}}},
            "spec": _held("spec", fields["spec"]),
            "status": as_status(_held("status", fields["status"])),
        },
    } | _rules(kind)


def _rules(kind: Kind) -> Schema:
    """The keyword with the CEL rules over the whole object, or nothing."""
    found = [*kind.rules, *([] if kind.long_names else [SHORT_NAME])]
    return {RULES: found} if found else {}


def _held(name: str, schema: Schema) -> Schema:
    """The schema of a whole part, whose model says what it holds."""
    says = schema["description"]
    return schema | {"description": f"{name} holds {says[0].lower()}{says[1:]}"}
