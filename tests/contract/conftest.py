"""The tools of this tier."""

import os

import pytest

from dev.contract.tools import Tools, ensure_tools
from dev.errors import DevError
from dev.progress import Progress
from tests.contract.slack_stage import slack, slack_stage
from tests.support.require import require

__all__ = ["slack", "slack_stage"]


@pytest.fixture(scope="session")
def tools() -> Tools:
    """Prism and the proxy that fails, installed where they are not yet."""
    try:
        return ensure_tools(os.environ, Progress())
    except DevError as error:
        require(False, f"the tools of the contract tests: {error}")
        raise
