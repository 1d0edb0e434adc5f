"""The providers by name: the one list. To add a provider `x`:

1. `api/connection.py`: a model with its settings, a field in `ConnectionSpec`, its name in `VENDORS`.
2. `providers/x.py`: build and parse, as `contract.py` says; never send.
3. This file: one entry.
4. `tests/providers/golden/x/`: run `UPDATE_GOLDEN=1 pytest tests/providers` and read what it wrote.
5. `examples/providers/x.yaml`: one Connection that works, with its Secret.
6. `docs/reference/providers.md`: one row.

Then `make generate`. `tests/architecture/test_extension_points.py` names the step that was forgotten.
Vendors that make channels only, such as slack, stand in `chats.py`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from watchbill.providers.console import ConsoleProvider
from watchbill.providers.contract import Provider
from watchbill.providers.pagerduty import PagerDutyProvider
from watchbill.providers.smtp import SmtpProvider
from watchbill.providers.webhook import WebhookProvider

PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        "pagerDuty": PagerDutyProvider(),
        "webhook": WebhookProvider(),
        "smtp": SmtpProvider(),
        "console": ConsoleProvider(),
    }
)
"""What can carry a page, by the vendor's field in Connection.spec."""
