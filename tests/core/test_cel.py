"""What is said of a condition that cannot be judged holds no value: it may be a Secret's."""

import pytest

from watchbill.core.cel import truth

CANARY = "canary-7f3a"
CONDITIONS = [
    "object.data.p.x == 1",
    "int(object.data.p) == 1",
    "duration(object.data.p) == duration('1s')",
    "timestamp(object.data.p) == timestamp('2020-01-01T00:00:00Z')",
    "object.data[object.data.p] == 1",
    "object.data.p + 1 == 2",
    "object.data.p.matches(object.data.p + '[')",
    "'a'.matches(object.data.p + '[')",
    "object.data.p",
    "object.data.p ? true : false",
    "[1][object.data.p] == 1",
]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_no_value_is_quoted(condition: str, capfd: pytest.CaptureFixture[str]):
    found = truth(condition, {"object": {"data": {"p": CANARY}}})
    assert found.problem
    assert CANARY not in found.problem
    assert CANARY not in "".join(capfd.readouterr())


@pytest.mark.parametrize(("pattern", "holds"), [("nar", True), ("^nar", False)])
def test_a_part_of_a_text_matches(pattern: str, holds: bool):
    assert truth(f"p.matches('{pattern}')", {"p": CANARY}).holds is holds
