"""How much is tried: what `make test` has time for, or what `make faults-full` asks for."""

import os

FULL = os.environ.get("WATCHBILL_FAULTS") == "full"
"""Whether to try what takes many minutes as well."""
