"""No field refers to another object without a line in the table, and none reaches further than that says."""

import ast
from collections import defaultdict

import pytest

from dev.layout import REPOSITORY
from tests.support.builders import incident
from tests.support.reference_table import TABLE, Reach, found
from watchbill.core.references import references

FOUND = found()


@pytest.mark.feature("F59")
def test_every_field_that_refers_is_in_the_table_and_every_line_of_it_is_of_a_field():
    assert sorted(FOUND) == sorted(TABLE), "say in the table how far it reaches, and prove that"


@pytest.mark.parametrize("path", TABLE)
def test_a_reference_has_a_namespace_only_where_it_may_cross_and_always_where_it_must(path: str):
    schema, reach = FOUND[path].schema, TABLE[path].reach
    fields = schema.get("properties", {})
    if reach in (Reach.HOME, Reach.CLUSTER):
        assert "namespace" not in fields
        assert "/" not in schema.get("pattern", ""), "no text holds a namespace and a name"
    elif reach in (Reach.NAMESPACES, Reach.CLASSES):
        assert "namespace" in fields
        assert ("namespace" in schema.get("required", ())) == (reach is Reach.CLASSES)


def test_what_proves_each_line_is_there():
    proofs: dict[str, set[str]] = defaultdict(set)
    for entry in TABLE.values():
        file, _, function = entry.proof.partition("::")
        proofs[file].add(function)
    for file, functions in proofs.items():
        tree = ast.walk(ast.parse((REPOSITORY / file).read_text(encoding="utf-8")))
        defined = {each.name for each in tree if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert functions <= defined, file


def test_what_is_affected_is_looked_for_nowhere():
    thing = {"apiVersion": "v1", "kind": "Secret", "namespace": "pay", "name": "pagerduty"}
    assert references(incident(affected=[thing])) == ()
