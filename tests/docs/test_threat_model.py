"""The threat model tells of every policy that refuses, with a test that holds it, and of every role."""

import re

import pytest
import yaml

from dev.layout import REPOSITORY
from watchbill.api.admission.manifests import policies

PAGE = (REPOSITORY / "docs/explanation/threat-model.md").read_text(encoding="utf-8")
ROLES = sorted((REPOSITORY / "examples/roles").glob("*.yaml"))
NAMES = [each["metadata"]["name"] for each in policies() if each["kind"] == "ValidatingAdmissionPolicy"]


@pytest.mark.parametrize("name", NAMES)
def test_a_policy_has_a_row_with_a_test(name: str):
    assert re.search(rf"^\| `{name}` \|.*`tests/integration/\w+\.py`", PAGE, re.MULTILINE)


def test_it_tells_of_no_policy_that_is_not_there():
    assert set(re.findall(r"`(watchbill-(?:incident|connection|runbook)[a-z-]*)`", PAGE)) == set(NAMES)


def test_every_role_is_a_persona():
    roles = [yaml.safe_load(file.read_text(encoding="utf-8"))["metadata"]["name"] for file in ROLES]
    personas = [name.removeprefix("watchbill-").replace("-", " ") for name in roles]
    assert [name for name in personas if not re.search(rf"^\| {name}\b", PAGE, re.MULTILINE)] == []
