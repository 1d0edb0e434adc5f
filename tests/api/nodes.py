"""Walks over the schemas of the generated CRDs, as the lints see them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from watchbill.api.crd import crds

TYPE_META = ("apiVersion", "kind", "metadata")
"""What every object has, and the API server itself checks."""


class Node(NamedTuple):
    """One schema, and where it is: `Incident.spec.affected[].service`, `{}` for the values of a map."""

    path: str
    schema: dict[str, Any]

    @property
    def field(self) -> str:
        """The field's name; of the values in a list or a map, with its brackets."""
        return self.path.rsplit(".", 1)[-1]

    @property
    def part(self) -> str:
        """`spec`, `status`, or the empty string for the root."""
        return [*self.path.split("."), ""][1]


def schema_of(crd: dict[str, Any]) -> dict[str, Any]:
    """The schema of the one version of a CRD."""
    (version,) = crd["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def nodes() -> list[Node]:
    """Every schema of every CRD but those of apiVersion, kind and metadata."""
    return [node for crd in crds() for node in walk(crd["spec"]["names"]["kind"], schema_of(crd))]


def walk(path: str, schema: dict[str, Any]) -> Iterator[Node]:
    """The schema and all that it contains."""
    yield Node(path, schema)
    for name, child in schema.get("properties", {}).items():
        if "." in path or name not in TYPE_META:
            yield from walk(f"{path}.{name}", child)
    if "items" in schema:
        yield from walk(f"{path}[]", schema["items"])
    if "additionalProperties" in schema:
        yield from walk(path + "{}", schema["additionalProperties"])
