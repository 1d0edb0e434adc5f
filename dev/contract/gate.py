"""The gate for a vendor's document: Prism must really check every schema in it.

Prism takes a schema that it cannot compile for one that anything fits, and says nothing. `gate.js` asks
Prism itself what it checked; what there is to check is counted here, from the document alone.
"""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.contract.tools import Tools
from dev.errors import DevError

PROGRAM = Path(__file__).resolve().with_name("gate.js")

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True)
class Report:
    """What Prism checks of one document."""

    operations: int
    requests: int
    """How many kinds of request body."""
    responses: int
    parameters: int
    """How many lists of query, header or path parameters."""
    faults: tuple[str, ...]
    """What it does not check although the document describes it, one sentence each."""

    def __str__(self) -> str:
        return (
            f"{self.operations} operations, {self.requests} request bodies, "
            f"{self.responses} response bodies, {self.parameters} lists of parameters"
        )


def examine(tools: Tools, document: Path) -> Report:
    """What Prism checks of the document; kept in the cache by content, since it takes seconds."""
    text = document.read_bytes()
    key = hashlib.sha256(text + PROGRAM.read_bytes()).hexdigest()[:24]
    kept = tools.packages.with_suffix(".gate") / f"{key}.json"
    if not kept.exists():
        told = _ask(tools, document)
        kept.parent.mkdir(exist_ok=True)
        fresh = kept.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(told))
        fresh.replace(kept)
    return _report(json.loads(kept.read_text()), json.loads(text))


def described(document: dict[str, Any]) -> tuple[int, int, int]:
    """How many operations, request bodies and response bodies an OpenAPI 2 or 3 document describes."""
    reader = _Swagger(document) if "swagger" in document else _OpenAPI(document)
    operations = list(reader.operations())
    requests = sum(reader.requests(each) for each in operations)
    return len(operations), requests, sum(reader.responses(each) for each in operations)


class _OpenAPI:
    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def operations(self) -> Iterator[dict[str, Any]]:
        for path in self._document["paths"].values():
            item = self.at(path)
            for method in _METHODS:
                if method in item:
                    yield {**item[method], "shared": item.get("parameters", [])}

    def requests(self, operation: dict[str, Any]) -> int:
        return self._schemas(operation.get("requestBody", {}))

    def responses(self, operation: dict[str, Any]) -> int:
        return sum(self._schemas(response) for response in operation["responses"].values())

    def at(self, node: dict[str, Any]) -> dict[str, Any]:
        """The node, or what it refers to."""
        while "$ref" in node:
            found: Any = self._document
            for step in node["$ref"].removeprefix("#/").split("/"):
                found = found[step.replace("~1", "/").replace("~0", "~")]
            node = found
        return node

    def _schemas(self, body: dict[str, Any]) -> int:
        return sum("schema" in content for content in self.at(body).get("content", {}).values())


class _Swagger(_OpenAPI):
    def requests(self, operation: dict[str, Any]) -> int:
        places = {self.at(each)["in"] for each in [*operation["shared"], *operation.get("parameters", [])]}
        kinds = operation.get("consumes", self._document.get("consumes", []))
        forms = sum(kind in _FORMS for kind in kinds)
        return ("body" in places) * (len(kinds) - forms) + ("formData" in places) * forms

    def responses(self, operation: dict[str, Any]) -> int:
        kinds = operation.get("produces", self._document.get("produces", []))
        return sum("schema" in self.at(each) for each in operation["responses"].values()) * len(kinds)


def _ask(tools: Tools, document: Path) -> dict[str, Any]:
    command = [str(tools.node), str(PROGRAM), str(tools.packages), str(document.resolve())]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise DevError(f"Prism cannot read {document.name}: {answer.stderr.strip()[-300:]}")
    return dict(json.loads(answer.stdout))


def _report(told: dict[str, Any], document: dict[str, Any]) -> Report:
    bodies = {name: told[name] for name in ("requests", "responses", "parameters")}
    troubled = [each for found in bodies.values() for each in found if each["trouble"]]
    faults = [f"{each['where']}: {each['trouble']}" for each in troubled]
    seen = (told["operations"], len(bodies["requests"]), len(bodies["responses"]))
    if seen != (there := described(document)):
        faults.append(f"operations, requests, responses: {there} are described, and Prism knows {seen}")
    checked = {name: sum(not each["trouble"] for each in found) for name, found in bodies.items()}
    return Report(told["operations"], **checked, faults=tuple(faults))
