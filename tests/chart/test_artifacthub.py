"""What the chart says of itself is true, and what Artifact Hub asks for is there."""

import re

import pytest
import yaml

from tests.support.chart import FOLDER
from watchbill import __version__
from watchbill.api.group import GROUP, VERSION
from watchbill.api.kinds import KINDS

pytestmark = pytest.mark.convention(39)

CHART = yaml.safe_load((FOLDER / "Chart.yaml").read_text())
PREFIX = "artifacthub.io/"
SAYS = {key.removeprefix(PREFIX): value for key, value in CHART["annotations"].items()}


def test_it_is_of_the_version_that_it_installs():
    assert CHART["appVersion"] == CHART["version"] == __version__


def test_it_names_what_artifact_hub_shows_of_an_operator():
    assert all(key.startswith(PREFIX) for key in CHART["annotations"])
    assert SAYS.keys() == {
        "category",
        "license",
        "operator",
        "operatorCapabilities",
        "prerelease",
        "containsSecurityUpdates",
        "changes",
        "crds",
        "crdsExamples",
    }
    assert (SAYS["license"], SAYS["operator"]) == ("Apache-2.0", "true")
    assert SAYS["category"] == "monitoring-logging"
    assert {each["kind"] for each in yaml.safe_load(SAYS["changes"])} <= {"added", "changed", "fixed"}


def test_it_is_a_prerelease_as_long_as_its_major_version_is_0():
    assert SAYS["prerelease"] == str(CHART["version"].startswith("0.")).lower()


def test_it_names_every_kind_and_shows_examples_of_them():
    described = yaml.safe_load(SAYS["crds"])
    assert [(each["kind"], each["name"], each["version"]) for each in described] == [
        (kind.name, f"{kind.plural}.{GROUP}", VERSION) for kind in KINDS
    ]
    assert all(re.fullmatch(r"[A-Z].+[^.]", each["description"]) for each in described)
    examples = {each["kind"] for each in yaml.safe_load(SAYS["crdsExamples"])}
    assert examples >= {"Incident", "IncidentClass", "EscalationPolicy", "Connection", "Runbook"}
