"""The actions that Argo CD shows, run as its own tests run them: each script with the objects beside it."""

from typing import Any

import pytest
import yaml

from dev.argocd import KEY
from tests.support.argocd import FOLDER, acted, run, shipped
from watchbill.api.kinds import KINDS, SUSPENDED

pytestmark = pytest.mark.convention(40)

Json = dict[str, Any]
DATA = shipped("actions.yaml")
SCRIPTS: dict[str, Json] = {key: yaml.safe_load(text) for key, text in DATA.items()}
"""What Argo CD reads of each kind's key in `argocd-cm`."""


def read(path: str) -> Json:
    content: Json = yaml.safe_load((FOLDER / "actions" / path).read_text(encoding="utf-8"))
    return content


CASES = read("action_test.yaml")


@pytest.mark.parametrize("case", CASES["discoveryTests"], ids=lambda case: case["inputPath"])
def test_what_can_be_done_is_found(case: Json):
    thing = read(case["inputPath"])
    found = run(SCRIPTS[KEY + thing["kind"]]["discovery.lua"], thing)
    assert [{"name": name, **button} for name, button in found.items()] == case["result"]


@pytest.mark.parametrize(
    "case", CASES["actionTests"], ids=lambda case: f"{case['action']} {case['inputPath']}"
)
def test_an_action_changes_what_it_says_and_nothing_else(case: Json):
    thing = read(case["inputPath"])
    assert acted(case["action"], thing, DATA) == read(case["expectedOutputPath"])


def test_what_can_be_suspended_has_actions_and_nothing_else_has_any():
    can = [kind.name for kind in KINDS if SUSPENDED in kind.columns]
    assert sorted(SCRIPTS) == sorted(KEY + name for name in can)
    for each in SCRIPTS.values():
        assert {one["name"] for one in each["definitions"]} == {"suspend", "resume"}
    tried = {(case["action"], read(case["inputPath"])["kind"]) for case in CASES["actionTests"]}
    assert tried == {(action, name) for action in ("suspend", "resume") for name in can}
