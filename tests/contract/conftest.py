"""The tools of this tier, and at its end what the gate found."""

import os

import pytest

from dev.contract.gate import Report
from dev.contract.tools import Tools, ensure_tools
from dev.errors import DevError
from dev.progress import Progress
from tests.contract.slack_stage import slack, slack_stage
from tests.support.require import require

__all__ = ["slack", "slack_stage"]

REPORTS = pytest.StashKey[dict[str, Report]]()


@pytest.fixture(scope="session")
def tools() -> Tools:
    """Prism and the proxy that fails, installed where they are not yet."""
    try:
        return ensure_tools(os.environ, Progress())
    except DevError as error:
        require(False, f"the tools of the contract tests: {error}")
        raise


def pytest_configure(config: pytest.Config) -> None:
    """Make room for the reports."""
    config.stash[REPORTS] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how much of each document was checked."""
    reports = config.stash.get(REPORTS, {})
    if reports:
        terminalreporter.section("what Prism checks of the vendors' documents")
    for name, report in sorted(reports.items()):
        terminalreporter.write_line(f"{name}: {report}")
