"""Where the vendors' own documents are; they are not ours to keep in the repository."""

import os
from pathlib import Path

from tests.support.require import require

SPECS = Path(os.environ.get("WATCHBILL_SPECS", Path(__file__).parents[2] / "../shared/specs"))


def vendor_document(name: str) -> Path:
    """The file of this name below the folder of documents; without it the test ends."""
    path = SPECS / name
    require(path.is_file(), f"the vendor's document {name} ({path}); WATCHBILL_SPECS names the folder")
    return path
