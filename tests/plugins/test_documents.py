"""What was checked of each document is told once at the end, by however many workers it was checked."""

import pytest

SAYS = """
    import pytest
    from tests.plugins.documents import CHECKED

    @pytest.mark.parametrize("name", ["slack", "pagerduty"])
    def test_it(name, record_property):
        record_property(CHECKED, f"{name}: 2 operations")
"""


@pytest.fixture(autouse=True)
def only_our_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out every other plugin: each inner run would import it anew."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.mark.parametrize("workers", [[], ["-p", "xdist", "-n", "2"]], ids=["alone", "two workers"])
def test_each_document_is_told_once(pytester: pytest.Pytester, workers: list[str]):
    pytester.makepyfile(test_a=SAYS)
    told = pytester.runpytest_inprocess("-p", "tests.plugins.documents", *workers)
    told.assert_outcomes(passed=2)
    lines = [line for line in told.outlines if line.endswith(": 2 operations")]
    assert lines == ["pagerduty: 2 operations", "slack: 2 operations"]


def test_where_no_document_was_checked_nothing_is_told(pytester: pytest.Pytester):
    pytester.makepyfile(test_a="def test_one(): pass")
    told = pytester.runpytest_inprocess("-p", "tests.plugins.documents")
    told.stdout.no_fnmatch_line("*Prism*")
