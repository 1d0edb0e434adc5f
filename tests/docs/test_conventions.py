"""Every convention of the field is shown by a test."""

import ast

import pytest

from dev.conventions import CONVENTIONS, PAGE, carriers, command_for, conventions_page, marks
from dev.layout import REPOSITORY


def test_each_is_shown_by_a_test():
    assert carriers().keys() == CONVENTIONS.keys()


def test_the_page_has_a_row_for_each():
    text = (REPOSITORY / PAGE).read_text(encoding="utf-8")
    assert text == conventions_page()
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line[:3].strip("| ").isdigit()]
    assert [int(number) for number, *_ in rows] == list(CONVENTIONS)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("@pytest.mark.convention(1, 2)\ndef test_a(): ...", [(1, "test_a"), (2, "test_a")]),
        ("@pytest.mark.cluster\n@pytest.mark.convention(1)\nasync def test_a(): ...", [(1, "test_a")]),
        ("@pytest.mark.convention(1)\nclass TestA:\n  def test_b(self): ...", [(1, "TestA")]),
        ("class TestA:\n  @pytest.mark.convention(1)\n  def test_b(self): ...", [(1, "TestA::test_b")]),
        ("pytestmark = pytest.mark.convention(1)", [(1, "")]),
        ("pytestmark = [pytest.mark.cluster, pytest.mark.convention(1)]", [(1, "")]),
        ("@pytest.mark.feature('F01')\ndef test_a(): ...", []),
    ],
)
def test_a_mark_is_read(source: str, found: list[tuple[int, str]]):
    assert list(marks(ast.parse(source).body)) == found


def test_a_number_that_nobody_knows_is_an_error(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_a.py").write_text("@pytest.mark.convention(1000)\ndef test_a(): ...")
    with pytest.raises(ValueError, match="1000"):
        carriers(tmp_path)


@pytest.mark.parametrize(
    ("tests", "command"),
    [
        ([], "**open**"),
        (
            ["tests/a/test_b.py::test_c", "tests/d/test_e.py"],
            "`pytest tests/a/test_b.py::test_c tests/d/test_e.py`",
        ),
        (["tests/e2e/test_a.py::test_b", "tests/e2e/test_a.py::test_c"], "`make e2e`"),
        (["tests/a/test_b.py", "tests/e2e/test_a.py"], "`pytest tests/a/test_b.py`, `make e2e`"),
    ],
)
def test_the_command_runs_them(tests: list[str], command: str):
    assert command_for(tests) == command
