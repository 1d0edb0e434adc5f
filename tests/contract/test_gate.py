"""Prism really checks every schema of every document; where it does not, the gate says so."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dev.contract.gate import Report, described, examine
from dev.contract.tools import Tools
from dev.errors import DevError
from tests.plugins.documents import CHECKED
from tests.support.require import require
from tests.support.specs import SPECS


def documents() -> list[str]:
    """The OpenAPI documents, by their path below the folder; what else is there is no document of an API."""
    found = []
    for path in sorted(SPECS.glob("*/*.json")):
        if json.loads(path.read_text()).keys() & {"openapi", "swagger"}:
            found.append(str(path.relative_to(SPECS)))
    return found


DOCUMENTS = documents() if SPECS.is_dir() else []

UNCHECKED = {
    # A file is no JSON, and an upload is nothing that Watchbill sends.
    "opsgenie/swagger.trimmed.json": ["post /v2/alerts/{identifier}/attachments multipart/form-data"],
}
"""The bodies that are known to have no schema that could be compiled."""


@pytest.fixture(scope="session")
def reports(tools: Tools) -> dict[str, Report]:
    """What Prism checks of each document."""
    largest_first = sorted(DOCUMENTS, key=lambda name: -(SPECS / name).stat().st_size)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        found = threads.map(lambda name: examine(tools, SPECS / name), largest_first)
        return dict(zip(largest_first, found, strict=True))


def test_there_are_documents():
    require(bool(DOCUMENTS), f"the vendors' documents ({SPECS}); WATCHBILL_SPECS names the folder")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_schema_of_the_document_is_checked(
    name: str, reports: dict[str, Report], record_property: Callable[[str, object], None]
):
    record_property(CHECKED, f"{name}: {reports[name]}")
    unchecked = [fault.partition(": ")[0] for fault in reports[name].faults]
    assert unchecked == UNCHECKED.get(name, []), reports[name].faults


def openapi(schema: dict[str, Any]) -> dict[str, Any]:
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}
    operation = {"requestBody": body, "responses": {"200": {"description": "done", **body}}}
    thing = {"type": "object", "required": ["it"], "properties": {"it": schema}}
    return {
        "openapi": "3.0.3",
        "info": {"title": "An API", "version": "1"},
        "paths": {"/things": {"post": operation}},
        "components": {"schemas": {"Thing": thing}},
    }


def examined(tools: Tools, document: dict[str, Any], directory: Path) -> Report:
    path = directory / "document.json"
    path.write_text(json.dumps(document))
    return examine(tools, path)


def test_a_sound_schema_passes(tools: Tools, tmp_path: Path):
    report = examined(tools, openapi({"type": "string", "nullable": True}), tmp_path)
    assert report == Report(operations=1, requests=1, responses=1, parameters=0, faults=())


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        pytest.param(
            {"nullable": True, "oneOf": [{"type": "string"}]},
            '"nullable" cannot be used',
            id="nullable alone",
        ),
        pytest.param(
            {"type": "string", "nullable": True, "enum": ["a", None]},
            "duplicate items",
            id="null given twice",
        ),
        pytest.param({"type": "Object"}, "schema is invalid", id="a type in the wrong case"),
        pytest.param({"type": "string", "pattern": "("}, "Invalid regular expression", id="no pattern"),
    ],
)
def test_a_schema_that_prism_would_skip_is_caught_in_both_directions(
    tools: Tools, tmp_path: Path, schema: dict[str, Any], complaint: str
):
    report = examined(tools, openapi(schema), tmp_path)
    assert (report.requests, report.responses) == (0, 0)
    assert [fault.partition(": ")[0] for fault in report.faults] == [
        "post /things application/json",
        "post /things 200 application/json",
    ]
    assert all(complaint in fault for fault in report.faults)


def test_a_document_that_prism_cannot_read_is_an_error(tools: Tools, tmp_path: Path):
    with pytest.raises(DevError, match=r"Prism cannot read document\.json"):
        examined(tools, openapi({"$ref": "#/components/schemas/Nothing"}), tmp_path)


def test_bodies_are_counted_as_swagger_2_describes_them():
    body, form = {"in": "body", "name": "b", "schema": {}}, {"in": "formData", "name": "f"}
    answers = {"200": {"description": "done", "schema": {}}, "204": {"description": "done"}}
    document = {
        "swagger": "2.0",
        "consumes": ["application/json", "multipart/form-data"],
        "produces": ["application/json", "application/xml"],
        "paths": {
            "/a": {"parameters": [{"$ref": "#/parameters/b"}], "post": {"responses": answers}},
            "/b": {"put": {"parameters": [form], "responses": answers, "produces": ["text/plain"]}},
        },
        "parameters": {"b": body},
    }
    assert described(document) == (2, 2, 3)
