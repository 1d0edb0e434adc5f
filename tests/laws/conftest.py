"""The profiles of the laws: the same examples in every run, and many more at night."""

from datetime import timedelta

from hypothesis import HealthCheck, settings

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)

settings.register_profile(
    "watchbill",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=60,
    suppress_health_check=SLOW,
)
settings.register_profile(
    "nightly",
    parent=settings.get_profile("watchbill"),
    derandomize=False,
    max_examples=3000,
    print_blob=True,
    deadline=timedelta(seconds=60),
)
