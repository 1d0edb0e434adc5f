"""The table says `proven` only where every test that carries the row ran and passed."""

import json
from textwrap import dedent

import pytest

from dev.layout import REPOSITORY
from tests.plugins.features import RESULTS, collect_carried, rows_in_source, summary, table

CARRIER = """
    import pytest

    @pytest.mark.feature("F18")
    def test_one():
        {body}

    @pytest.mark.feature("F18")
    def test_two():
        pass
"""


@pytest.fixture(autouse=True)
def only_our_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out every other plugin: each inner run would import it anew."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def lines_after(bench: pytest.Pytester, *arguments: str) -> dict[str, str]:
    """Run the tests, then return the table's lines by row."""
    run(bench, *arguments)
    return lines(bench)


def run(bench: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return bench.runpytest_inprocess("-p", "tests.plugins.features", *arguments)


def lines(bench: pytest.Pytester) -> dict[str, str]:
    """Return the table's lines by row, without running a test."""
    run(bench, "--collect-only", "--features-carried=carried.json")
    carried = json.loads((bench.path / "carried.json").read_text())
    return {line[:3]: line for line in table(carried, results(bench))}


def results(bench: pytest.Pytester) -> dict[str, str]:
    path = bench.path / RESULTS
    return dict(json.loads(path.read_text())) if path.exists() else {}


def test_every_row_has_a_line_and_nothing_is_proven_by_nothing():
    printed = table({}, {})
    assert printed[0] == "F01 open"
    assert printed[-1] == "F70 open"
    assert len(printed) == 70


def test_a_row_is_proven_by_all_its_tests(pytester: pytest.Pytester):
    pytester.makepyfile(test_a=CARRIER.format(body="pass"))
    assert lines_after(pytester)["F18"] == "F18 proven test_a.py::test_one test_a.py::test_two"


@pytest.mark.parametrize(
    "body",
    [
        "assert False",
        "pytest.skip('absent')",
        "pytest.xfail('known')",
        "pytest.exit('enough')",
    ],
)
def test_one_test_that_did_not_pass_leaves_the_row_open(pytester: pytest.Pytester, body: str):
    pytester.makepyfile(test_a=CARRIER.format(body=body))
    assert lines_after(pytester)["F18"] == "F18 open"


def test_a_test_that_never_ended_leaves_the_row_open(pytester: pytest.Pytester):
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.feature("F01")
        def test_one():
            pytest.exit("enough")
        """
    )
    assert lines_after(pytester)["F01"] == "F01 open"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_error_around_the_test_leaves_the_row_open(pytester: pytest.Pytester, moment: str):
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.fixture
        def broken():
            assert {moment != "before"}
            yield
            assert {moment != "after"}

        @pytest.mark.feature("F01")
        def test_one(broken):
            pass
        """
    )
    assert lines_after(pytester)["F01"] == "F01 open"


def test_a_mark_that_unexpectedly_passes_leaves_the_row_open(pytester: pytest.Pytester):
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.feature("F01")
        @pytest.mark.xfail
        def test_one():
            pass
        """
    )
    assert lines_after(pytester)["F01"] == "F01 open"


def test_a_deselected_test_leaves_the_row_open_until_it_runs(pytester: pytest.Pytester):
    pytester.makepyfile(test_a=CARRIER.format(body="pass"))
    assert lines_after(pytester, "-k", "one")["F18"] == "F18 open"
    assert lines_after(pytester, "-k", "two")["F18"].startswith("F18 proven ")


def test_a_later_failure_takes_the_proof_back(pytester: pytest.Pytester):
    pytester.makepyfile(test_a=CARRIER.format(body="assert not __import__('os').path.exists('x')"))
    assert lines_after(pytester)["F18"].startswith("F18 proven ")
    (pytester.path / "x").touch()
    assert lines_after(pytester, "test_a.py::test_one")["F18"] == "F18 open"


def test_a_run_that_stops_early_takes_back_what_it_did_not_reach(pytester: pytest.Pytester):
    pytester.makepyfile(test_a=CARRIER.format(body="pass"))
    run(pytester)
    pytester.makepyfile(test_0="def test_zero(): assert False")
    assert lines_after(pytester, "-x")["F18"] == "F18 open"


def test_a_test_that_is_gone_is_forgotten(pytester: pytest.Pytester):
    pytester.makepyfile(test_a="def test_one(): pass\ndef test_two(): pass")
    pytester.makepyfile(test_b="def test_three(): pass")
    run(pytester)
    pytester.makepyfile(test_a="def test_two(): pass")
    (pytester.path / "test_b.py").unlink()
    run(pytester)
    assert results(pytester) == {"test_a.py::test_two": "passed"}


def test_running_one_test_keeps_what_the_others_said(pytester: pytest.Pytester):
    pytester.makepyfile(test_a=CARRIER.format(body="pass"))
    run(pytester)
    assert lines_after(pytester, "test_a.py::test_one")["F18"].startswith("F18 proven ")


WORKERS = ("-p", "xdist", "-n", "2")


def test_two_workers_lose_no_result_and_call_nothing_passed_that_did_not(pytester: pytest.Pytester):
    pytester.makepyfile(
        test_a="""
        import os, pytest

        BODIES = {
            "passes": lambda: None,
            "fails": lambda: 1 / 0,
            "skips": lambda: pytest.skip("absent"),
            "dies": lambda: os._exit(1),
        }

        @pytest.mark.parametrize("number", range(5))
        @pytest.mark.parametrize("body", BODIES)
        def test_it(body, number):
            BODIES[body]() if body != "dies" or number == 0 else None
        """
    )
    run(pytester, *WORKERS)
    found = results(pytester)
    said = {"passes": "passed", "fails": "failed", "skips": "skipped", "dies": "passed"}
    expected = {f"test_a.py::test_it[{body}-{at}]": said[body] for body in said for at in range(5)}
    assert found == expected | {"test_a.py::test_it[dies-0]": "failed"}


def test_workers_take_back_what_they_did_not_reach_and_keep_what_they_did_not_run(pytester: pytest.Pytester):
    pytester.makepyfile(test_a=CARRIER.format(body="pass"))
    pytester.makepyfile(test_b="def test_three(): pass\ndef test_four(): pass")
    run(pytester)
    pytester.makepyfile(test_b="def test_four(): pass")
    pytester.makepyfile(test_a=CARRIER.format(body="__import__('os')._exit(1)"))
    run(pytester, *WORKERS, "--max-worker-restart=0", "--dist=loadfile", "test_a.py")
    found = results(pytester)
    assert found["test_a.py::test_one"] == "failed"
    assert found["test_a.py::test_two"] == "not run"
    assert found["test_b.py::test_three"] == found["test_b.py::test_four"] == "passed"


def test_a_new_carrier_opens_the_row_before_it_runs(pytester: pytest.Pytester):
    pytester.makepyfile(test_a=CARRIER.format(body="pass"))
    run(pytester)
    pytester.makepyfile(test_b=CARRIER.format(body="pass"))
    assert lines(pytester)["F18"] == "F18 open"


def test_looking_changes_no_result(pytester: pytest.Pytester):
    pytester.makepyfile(test_a=CARRIER.format(body="pass"))
    run(pytester)
    before = results(pytester)
    for option in ("--collect-only", "--setup-only", "--setup-plan"):
        run(pytester, option)
    assert results(pytester) == before


def test_a_file_that_skips_itself_leaves_its_rows_open(pytester: pytest.Pytester):
    pytester.makepyfile(test_a=CARRIER.format(body="pass"))
    pytester.makepyfile(
        test_b="""
        import pytest

        pytest.importorskip("a_module_that_nobody_has")

        @pytest.mark.feature("F18", 'F19.core')
        def test_three():
            pass
        """
    )
    printed = lines_after(pytester)
    assert printed["F18"] == "F18 open"
    assert printed["F19"] == "F19 open F19.core open"


def test_a_first_part_stands_beside_its_row_and_does_not_count(pytester: pytest.Pytester):
    pytester.makepyfile(
        test_a="""
        import pytest

        pytestmark = pytest.mark.feature("F18.core")

        @pytest.mark.parametrize("name", ["level 0 opens", "level 1 opens"])
        def test_one(name):
            pass

        @pytest.mark.feature("F19")
        def test_two():
            pass
        """
    )
    printed = lines_after(pytester)
    assert printed["F18"] == "F18 open F18.core proven test_a.py::test_one test_a.py::test_two"
    assert printed["F19"] == "F19 proven test_a.py::test_two"


@pytest.mark.parametrize("row", ["F71", "F18.part", "18", ""])
def test_a_row_that_the_table_lacks_stops_the_run(pytester: pytest.Pytester, row: str):
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.feature("{row}")
        def test_one():
            pass
        """
    )
    outcome = run(pytester)
    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    outcome.stderr.fnmatch_lines(["*carries unknown rows*"])


def test_a_file_that_is_not_there_names_no_rows(pytester: pytest.Pytester):
    assert rows_in_source(pytester.path / "test_absent.py") == []


def test_a_folder_that_is_run_by_name_alone_is_asked_for_its_rows_too(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
):
    for folder in ("tests", "tests/e2e"):
        place = pytester.mkdir(folder)
        (place / f"test_in_{place.name}.py").write_text(dedent(CARRIER.format(body="pass")))
    (pytester.path / "tests/conftest.py").write_text('collect_ignore = ["e2e"]')
    monkeypatch.setenv("PYTEST_PLUGINS", "tests.plugins.features")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    files = {nodeid.partition("::")[0] for nodeid in collect_carried()}
    assert files == {"tests/test_in_tests.py", "tests/e2e/test_in_e2e.py"}


@pytest.mark.parametrize(
    ("said", "line", "is_good"),
    [
        (["passed", "passed", "skipped"], "2 passed, 0 failed, 1 skipped", True),
        (["passed", "failed", "not run", "xpassed"], "1 passed, 3 failed, 0 skipped", False),
        ([], "0 passed, 0 failed, 0 skipped", False),
    ],
)
def test_the_closing_line_counts_all_runs(said: list[str], line: str, is_good: bool):
    assert summary({str(at): outcome for at, outcome in enumerate(said)}) == (line, is_good)
