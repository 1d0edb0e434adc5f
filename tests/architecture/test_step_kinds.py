"""A new kind of step is complete, or a test says what was forgotten."""

import ast
from pathlib import Path

import pytest
import yaml

from tests.architecture.sources import read
from tests.support.step_cases import ELSEWHERE, PATHS, unproven
from watchbill.api.runbook import Runbook
from watchbill.api.step import ACTING, KINDS, ActingBody, StepBody
from watchbill.core.runs.readiness import runbook_problems
from watchbill.core.steps.contract import LocalKind
from watchbill.core.steps.registry import STEP_KINDS

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples/runbooks"
RECIPE = "see CONTRIBUTING, Add a step kind, step"
TO_COME: set[str] = set()
"""The kinds that the API has and this operator does not know yet; a run with one is Blocked and says so."""


def test_every_kind_of_the_union_is_in_the_registry():
    missing = set(KINDS) - set(STEP_KINDS) - TO_COME
    assert not missing, f"kind `{min(missing)}` is not in the registry; {RECIPE} 3"
    assert not TO_COME & set(STEP_KINDS), "what has come is to come no more"


def test_every_kind_of_the_registry_is_in_the_union():
    missing = set(STEP_KINDS) - set(KINDS)
    assert not missing, f"kind `{min(missing)}` is no field of StepBody; {RECIPE} 1"
    assert set(ActingBody.model_fields) == set(ACTING)
    assert set(StepBody.model_fields) == set(KINDS)


@pytest.mark.parametrize("name", STEP_KINDS)
def test_every_kind_has_tests_and_an_example(name: str):
    module = type(STEP_KINDS[name]).__module__.rpartition(".")[2]
    tests = ROOT / f"tests/core/steps/test_{module}.py"
    assert tests.is_file(), f"kind `{name}` has no tests; {RECIPE} 4"
    path = EXAMPLES / f"{name}.yaml"
    assert path.is_file(), f"kind `{name}` has no examples/runbooks/{name}.yaml; {RECIPE} 5"
    book = Runbook.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert name in {step.kind for step in book.spec.steps}
    assert runbook_problems(book.spec) == ()


@pytest.mark.feature("F40")
def test_every_kind_goes_well_and_fails_and_takes_too_long_on_a_real_api_server():
    missing = unproven(STEP_KINDS)
    assert not missing, f"nothing walks the path {missing[0]}: {RECIPE} 6"


@pytest.mark.feature("F40")
@pytest.mark.parametrize("path", ELSEWHERE)
def test_a_path_that_is_walked_elsewhere_is_walked_there(path: str):
    file, _, name = ELSEWHERE[path].partition("::")
    (found,) = (each for each in read(f"tests/integration/{file}").functions() if each.name == name)
    assert "pytest.mark.feature('F40')" in {ast.unparse(each) for each in found.decorator_list}


def test_a_kind_whose_paths_nobody_walks_is_found():
    assert unproven(["wait", "teleport"]) == [f"teleport-{path}" for path in sorted(PATHS)]


def test_nothing_is_left_of_a_kind_that_is_gone():
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == set(STEP_KINDS)


@pytest.mark.parametrize("name", STEP_KINDS)
def test_a_kind_is_named_as_its_field_and_says_how_much_can_go_wrong(name: str):
    kind = STEP_KINDS[name]
    assert kind.name == name
    assert (kind.risk == "ReadOnly") == (name not in ACTING)
    assert isinstance(kind, LocalKind) or kind.acts == (name in ACTING)
