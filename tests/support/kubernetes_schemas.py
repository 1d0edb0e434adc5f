"""What each version of Kubernetes demands of its own kinds, by the schemas that kubernetes-validate brings.

Its `validate` reads all definitions of a version anew for each object; here they are read once.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

FOLDER = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"


def faults(thing: dict[str, Any], version: str) -> list[str]:
    """What is wrong with an object in this version, a field that it does not know included.

    FileNotFoundError where the version does not serve such a kind.
    """
    group, _, api = thing["apiVersion"].rpartition("/")
    name = "-".join(filter(None, (thing["kind"].lower(), group.partition(".")[0], api)))
    return [error.message for error in _validator(version, name).iter_errors(thing)]


@cache
def _validator(version: str, name: str) -> Draft202012Validator:
    return Draft202012Validator(_read(version, name), registry=_definitions(version))


@cache
def _definitions(version: str) -> Registry[Any]:
    definitions = DRAFT202012.create_resource(_read(version, "_definitions"))
    # Crawled once, or every reference would have all definitions looked through.
    registry: Registry[Any] = Registry().with_resource("_definitions.json", definitions).crawl()
    return registry


def _read(version: str, name: str) -> Any:
    file = FOLDER / f"v{version}.0-local-strict" / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8"))
