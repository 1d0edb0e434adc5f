"""The profiles of the laws: the same examples in every run, and many more at night."""

import pytest
from hypothesis import HealthCheck, settings

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)

settings.register_profile(
    "watchbill",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=150,
    suppress_health_check=SLOW,
)
settings.register_profile(
    "nightly",
    derandomize=False,
    deadline=None,
    max_examples=1500,
    print_blob=True,
    suppress_health_check=SLOW,
)


def pytest_configure(config: pytest.Config) -> None:
    """Take the short profile where none is asked for."""
    settings.load_profile(config.getoption("--hypothesis-profile", None) or "watchbill")
