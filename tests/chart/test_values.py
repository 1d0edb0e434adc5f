"""What can be set: every key is described, has a type, and no other is taken."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from dev.build import HELM_4_CLIENT, HELM_CLIENT, Part
from dev.chart_readme import described
from tests.support.chart import FOLDER, NEWEST, VALUE_FILES, helm, parsed, rendered, template

VALUES = yaml.safe_load((FOLDER / "values.yaml").read_text())
SCHEMA = json.loads((FOLDER / "values.schema.json").read_text())
FOR_PARENTS = {"global", "enabled"}
"""What a chart that depends on this one may set, and nothing here reads."""


def schemas(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of an object with keys of its own, and where it stands."""
    if "properties" in schema:
        yield path, schema
        for key, below in schema["properties"].items():
            yield from schemas(below, f"{path}.{key}".strip("."))


def at(values: Any, path: str) -> Any:
    for key in filter(None, path.split(".")):
        values = values[key]
    return values


OBJECTS = dict(schemas(SCHEMA))


@pytest.mark.convention(28)
@pytest.mark.parametrize("part", [HELM_CLIENT, HELM_4_CLIENT], ids=["Helm 3", "Helm 4"])
@pytest.mark.parametrize("file", VALUE_FILES)
def test_the_chart_is_without_a_fault_in_the_eyes_of_helm_lint(file: str, part: Part):
    answer = helm("lint", "--strict", str(FOLDER), "--values", str(FOLDER / "ci" / file), part=part)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_helm_4_renders_what_helm_3_renders():
    command = ("template", "watchbill", str(FOLDER), "--namespace=watchbill", "--kube-version", NEWEST)
    values = ("--values", str(FOLDER / "ci/full-values.yaml"))
    third, fourth = (helm(*command, *values, part=part) for part in (HELM_CLIENT, HELM_4_CLIENT))
    assert (fourth.returncode, fourth.stderr) == (0, "")
    assert parsed(fourth.stdout) == parsed(third.stdout)


@pytest.mark.convention(29)
@pytest.mark.parametrize("path", OBJECTS)
def test_the_schema_has_the_keys_that_have_a_default_and_takes_no_others(path: str):
    assert OBJECTS[path]["additionalProperties"] is False
    further = FOR_PARENTS if not path else set()
    assert set(OBJECTS[path]["properties"]) - further == set(at(VALUES, path))


@pytest.mark.convention(29)
def test_an_unknown_key_is_refused_by_helm():
    _, complaint = template("--set=metrics.serviceMonitor.nope=1")
    assert "additional properties 'nope' not allowed" in complaint


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("replicaCount", "two"),
        ("image.pullPolicy", "Sometimes"),
        ("image.digest", "sha256:12"),
        ("watchNamespaces", ["Shop"]),
        ("lastResort", "everybody"),
        ("overdueAfter", "soon"),
        ("egress.allow", ["http://example.com"]),
        ("logging.level", "LOUD"),
        ("admission.stamp", "maybe"),
        ("podLabels", {"tier": 1}),
        ("extraArgs", "--log-level=DEBUG"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(path: str, value: object):
    wrong = copy.deepcopy(VALUES)
    above, _, key = path.rpartition(".")
    at(wrong, above)[key] = value
    (fault,) = Draft7Validator(SCHEMA).iter_errors(wrong)
    assert list(fault.absolute_path)[: path.count(".") + 1] == path.split(".")


def test_an_account_that_is_not_created_must_be_named():
    _, complaint = template("--set=serviceAccount.create=false")
    assert "serviceAccount.name must name an account" in complaint


def test_a_chart_that_depends_on_this_one_may_set_what_it_shares():
    assert rendered("global.registry=example.com", "enabled=true") == rendered()


@pytest.mark.convention(38)
def test_every_value_is_described_in_the_readme():
    text = (FOLDER / "README.md").read_text()
    rows = re.findall(r"^\| `(\S+)` \|", text, re.MULTILINE)
    assert rows == [key.strip("`") for key, *_ in described((FOLDER / "values.yaml").read_text())]
    assert {row.split(".")[0] for row in rows} == set(VALUES)


def test_a_value_that_no_comment_describes_is_an_error():
    with pytest.raises(ValueError, match=r"image\.tag needs a comment"):
        described("image:\n  # -- The name.\n  name: a\n  tag: b\n")
