"""Every CEL rule, asked of the real API server: what passes, what is refused, and in which words."""

import json
from subprocess import CompletedProcess

import pytest

from tests.api.nodes import nodes
from tests.integration.rule_cases import CASES, Case, Change, manifest
from tests.support.kubectl import Kubectl

pytestmark = pytest.mark.cluster

RULES = {
    (node.path, rule["message"])
    for node in nodes()
    for rule in node.schema.get("x-kubernetes-validations", [])
}


def changes(side):
    return [
        pytest.param(case, change, id=f"{case.rule}: {case.message[:40]} [{number}]")
        for case in CASES
        for number, change in enumerate(getattr(case, side))
    ]


def said_to(kubectl: Kubectl, namespace: str, case: Case, change: Change) -> CompletedProcess[str]:
    """What the API server says to a dry run of creating the object, or of patching it as it was."""
    words = ("--namespace", namespace, "--dry-run=server")
    if case.before is None:
        wanted = json.dumps(manifest(case.kind, change))
        return kubectl("create", *words, "--filename=-", input=wanted, check=False)
    before = manifest(case.kind, case.before)
    kubectl("create", "--namespace", namespace, "--filename=-", input=json.dumps(before))
    patch = json.dumps({"spec": change})
    name = f"{case.kind}/{before['metadata']['name']}"
    return kubectl("patch", *words, name, "--type=merge", f"--patch={patch}", check=False)


def test_every_rule_has_a_case_and_every_case_a_rule():
    assert {(case.rule, case.message) for case in CASES} == RULES


@pytest.mark.parametrize(("case", "change"), changes("passes"))
def test_a_rule_lets_pass_what_it_should(kubectl, namespace, case, change):
    answer = said_to(kubectl, namespace, case, change)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(("case", "change"), changes("refuses"))
def test_a_rule_refuses_what_it_should_and_says_what_to_do(kubectl, namespace, case, change):
    answer = said_to(kubectl, namespace, case, change)
    assert answer.returncode == 1
    assert case.message in answer.stderr
    assert f"{case.blames}: " in answer.stderr
