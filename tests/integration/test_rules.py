"""Every CEL rule, asked of the real API server: what passes, what is refused, and in which words."""

import json

import pytest

from tests.api.nodes import nodes
from tests.integration.rule_cases import CASES, Case, Object, manifest
from tests.support.kubectl import Kubectl

pytestmark = pytest.mark.cluster

RULES = {
    (node.path, rule["message"])
    for node in nodes()
    for rule in node.schema.get("x-kubernetes-validations", [])
}
NAME = "example"


def changes(side):
    return [
        pytest.param(case, change, id=f"{case.rule}: {case.message[:40]} [{number}]")
        for case in CASES
        for number, change in enumerate(getattr(case, side))
    ]


def asked(kubectl: Kubectl, namespace: str, case: Case, wanted: Object):
    """What the API server says to a dry run that creates the object, or changes it from what it was."""
    words = ["--namespace", namespace, "--dry-run=server", "--filename=-"]
    verb = "create" if case.before is None else "replace"
    return kubectl(verb, *words, input=json.dumps(wanted), check=False)


def create(kubectl: Kubectl, namespace: str, wanted: Object):
    kubectl("create", "--namespace", namespace, "--filename=-", input=json.dumps(wanted))


def test_every_rule_has_a_case_and_every_case_a_rule():
    assert {(case.rule, case.message) for case in CASES} == RULES


@pytest.mark.parametrize(("case", "change"), changes("passes"))
def test_a_rule_lets_pass_what_it_should(kubectl, namespace, case, change):
    if case.before is not None:
        create(kubectl, namespace, manifest(case.kind, case.before))
    answer = asked(kubectl, namespace, case, manifest(case.kind, change))
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(("case", "change"), changes("refuses"))
def test_a_rule_refuses_what_it_should_and_says_what_to_do(kubectl, namespace, case, change):
    if case.before is not None:
        create(kubectl, namespace, manifest(case.kind, case.before))
    answer = asked(kubectl, namespace, case, manifest(case.kind, change))
    assert answer.returncode == 1
    assert case.message in answer.stderr
    assert f"{case.blames}: " in answer.stderr
