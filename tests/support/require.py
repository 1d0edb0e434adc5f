"""What a test does when something that it needs is absent."""

import os

import pytest


def require(condition: bool, what: str) -> None:
    """End the test when `condition` is false: failed in CI, loudly skipped elsewhere."""
    if condition:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI must have {what}", pytrace=False)
    pytest.skip(f"SKIPPED, NOT PROVEN: needs {what}", allow_module_level=True)
