"""The expressions by which Flux waits for our kinds, as the how-to has them."""

import re
from typing import Any

import celpy
import pytest
import yaml
from celpy.adapter import json_to_cel

from tests.architecture.sources import ROOT
from watchbill.api.group import API_VERSION

pytestmark = [pytest.mark.feature("F63"), pytest.mark.convention(41)]

PAGE = (ROOT / "docs/howto/gitops.md").read_text(encoding="utf-8")
(BLOCK,) = re.findall(r"```yaml\n(.+?)```", PAGE, re.DOTALL)
CHECKS: list[dict[str, str]] = yaml.safe_load(BLOCK)["spec"]["healthCheckExprs"]
Json = dict[str, Any]


def current(expression: str, conditions: list[Json]) -> bool:
    """Whether an object of generation 2 with these conditions is current by an expression."""
    environment = celpy.Environment()
    program = environment.program(environment.compile(expression))
    thing: Json = {"metadata": {"generation": 2}, "status": {"conditions": conditions}}
    return bool(program.evaluate({name: json_to_cel(value) for name, value in thing.items()}))


def ready(status: str, generation: int) -> Json:
    return {"type": "Ready", "status": status, "observedGeneration": generation}


STATES: dict[str, tuple[list[Json], bool]] = {
    "no condition": ([], False),
    "ready for the generation before": ([ready("True", 1)], False),
    "not ready": ([ready("False", 2)], False),
    "another condition": ([ready("True", 2) | {"type": "Degraded"}], False),
    "ready": ([ready("True", 2)], True),
}


@pytest.mark.parametrize("check", CHECKS, ids=[check["kind"] for check in CHECKS])
@pytest.mark.parametrize(("conditions", "is_current"), STATES.values(), ids=STATES)
def test_flux_waits_until_an_object_is_ready_for_its_generation(
    check: dict[str, str], conditions: list[Json], is_current: bool
):
    assert current(check["current"], conditions) is is_current


def test_every_kind_that_git_owns_is_waited_for():
    kinds = {check["kind"] for check in CHECKS if check["apiVersion"] == API_VERSION}
    assert kinds == {"Connection", "EscalationPolicy", "IncidentClass", "Runbook"}
