"""Every CEL rule, asked of the real API server: what passes, what is refused, and in which words."""

import pytest

from dev.client import Answer
from tests.api.nodes import nodes
from tests.integration.objects import PLURAL_OF, create, judged
from tests.integration.rule_cases import CASES as OTHER_CASES
from tests.integration.rule_cases import Case, Change, manifest
from tests.integration.runbook_rule_cases import RUNBOOK_CASES
from tests.support.people import DRY_RUN, Person

pytestmark = pytest.mark.cluster

CASES = (*OTHER_CASES, *RUNBOOK_CASES)
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


def said_to(admin: Person, case: Case, change: Change) -> Answer:
    """What the API server says to a dry run of creating the object, or of patching it as it was."""
    if case.before is None:
        return judged(admin, manifest(case.kind, change))
    before = manifest(case.kind, case.before)
    create(admin, before)
    path = admin.path(PLURAL_OF[case.kind], before["metadata"]["name"])
    if case.status is not None:
        assert admin.ask("PATCH", f"{path}/status", {"status": case.status}).succeeded
    return admin.ask("PATCH", f"{path}?{DRY_RUN}", {"spec": change})


def test_every_rule_has_a_case_and_every_case_a_rule():
    assert {(case.rule, case.message) for case in CASES} == RULES


@pytest.mark.parametrize(("case", "change"), changes("passes"))
def test_a_rule_lets_pass_what_it_should(admin, case, change):
    answer = said_to(admin, case, change)
    assert answer.succeeded, answer.message


@pytest.mark.parametrize(("case", "change"), changes("refuses"))
def test_a_rule_refuses_what_it_should_and_says_what_to_do(admin, case, change):
    answer = said_to(admin, case, change)
    assert answer.status == 422
    assert case.message in answer.message
    assert f"{case.blames}: " in answer.message
