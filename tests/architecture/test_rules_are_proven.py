"""Every rule of delivery has its row in the documentation, and each row names tests that exist."""

import ast
import functools
import re

import pytest

from tests.architecture.sources import ROOT, read

PAGE = "docs/explanation/rules.md"
RULES = range(1, 23)

ROW = re.compile(r"^\| (\d+) \|([^|]+)\|([^|]+)\|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::([\w:]+)`")


def rows(text: str) -> dict[int, tuple[str, str]]:
    """What a rule means, and the cell that names its tests, by the rule's number."""
    return {int(number): (meaning.strip(), tests.strip()) for number, meaning, tests in ROW.findall(text)}


@functools.cache
def names_in(path: str) -> frozenset[str]:
    """The tests of a file; those of a class with its name before them."""
    if not (ROOT / path).is_file():
        return frozenset()
    found = set()
    for node in read(path).tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        functions = [each for each in inner if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
        found |= {prefix + each.name for each in functions if each.name.startswith("test_")}
    return frozenset(found)


def absent(cell: str) -> list[str]:
    """The tests that a cell names and that do not exist."""
    return [f"{path}::{name}" for path, name in TEST.findall(cell) if name not in names_in(path)]


TABLE = rows((ROOT / PAGE).read_text(encoding="utf-8"))


def test_every_rule_has_one_row_in_order():
    assert list(TABLE) == list(RULES)


@pytest.mark.parametrize("number", RULES)
def test_the_rule_says_what_it_means_and_is_proven_by_tests_that_exist(number: int):
    meaning, cell = TABLE[number]
    assert meaning.endswith(".")
    assert TEST.findall(cell), f"rule {number} names no test"
    assert absent(cell) == []


@pytest.mark.parametrize("number", RULES)
def test_every_test_with_the_rules_number_is_one_that_its_row_could_name(number: int):
    """A row names at least one test of that number, or the parts where the rule lives are named otherwise."""
    named = {name.rpartition("::")[2] for _, name in TEST.findall(TABLE[number][1])}
    numbered = {name for name in named if name.startswith(f"test_rule_{number:02}_")}
    foreign = {name for name in named if re.match(r"test_rule_\d\d_", name)} - numbered
    assert foreign == set()
    assert numbered or number in (7, 8), "these two are proven by the tests of the watch and of the lease"


def test_a_test_that_is_not_there_is_found():
    here = "tests/architecture/test_rules_are_proven.py"
    cell = f"`{here}::test_every_rule_has_one_row_in_order`, `{here}::test_of_nothing`, `tests/no.py::test_a`"
    assert absent(cell) == [f"{here}::test_of_nothing", "tests/no.py::test_a"]


def test_a_row_is_read():
    assert rows("| 3 | It holds. | `a` |\n") == {3: ("It holds.", "`a`")}
