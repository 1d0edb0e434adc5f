"""What changes is shown without what must not be."""

import json

import pytest

from watchbill.core.steps.differences import LONGEST_VALUE, differences

HIDDEN = "opensesame " * 5


@pytest.mark.parametrize("before", range(LONGEST_VALUE - len(HIDDEN), LONGEST_VALUE, 7))
def test_a_secret_is_masked_before_a_long_value_is_cut(before: int):
    (line,) = differences({}, {"a": "x" * before + HIDDEN}, (HIDDEN,))
    assert "opensesame" not in line


def test_json_within_json_is_masked():
    hidden = 'open "sesame"'
    (line,) = differences({}, {"a": json.dumps({"b": hidden})}, (hidden,))
    assert "sesame" not in line


def test_a_text_of_a_few_letters_is_no_secret():
    assert differences({"a": 1}, {"a": 2}, ("2",)) == ("a: 1 -> 2",)


def test_the_values_of_a_secret_are_masked():
    old, new = ({"kind": "Secret", "data": {"k": value}} for value in ("YQ==", "Yg=="))
    assert differences(old, new) == ("data.k: *** -> ***",)
