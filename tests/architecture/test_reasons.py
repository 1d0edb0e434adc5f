"""Every reason is documented by its sentence, belongs to a condition, and is given by somebody."""

import ast

import pytest

from tests.architecture.sources import python_sources
from watchbill.api.reasons import READY, REASONS, EventReason, Explained, IncidentCondition, Reason
from watchbill.api.run_reasons import RunCondition, RunEventReason, RunReason

OF_RUNS = [RunCondition, RunReason, RunEventReason]
MEMBERS = [*IncidentCondition, *Reason, *EventReason, *(each for kind in OF_RUNS for each in kind)]


def given() -> set[tuple[str, str]]:
    """Every attribute that the product reads, as (name, attribute)."""
    return {
        (node.value.id, node.attr)
        for source in python_sources("operator")
        if not source.path.endswith("api/reasons.py")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }


@pytest.mark.parametrize("kind", [Reason, EventReason, *OF_RUNS])
def test_every_reason_is_given_by_somebody(kind: type[Explained]):
    used = {attribute for name, attribute in given() if name == kind.__name__}
    assert [member.name for member in kind if member.name not in used] == []


def test_every_word_has_a_sentence_of_its_own():
    assert [m for m in MEMBERS if not (m.sentence[0].isupper() and m.sentence.endswith("."))] == []
    for kind in (IncidentCondition, Reason, EventReason, *OF_RUNS):
        assert len({member.sentence for member in kind}) == len(kind)


def test_every_reason_belongs_to_a_condition_and_every_condition_has_reasons():
    assert set().union(*REASONS.values()) == set(Reason)
    assert set(REASONS) == {*IncidentCondition, READY}
