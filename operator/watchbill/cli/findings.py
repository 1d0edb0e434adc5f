"""What `watchbill lint` has to say of a file, and how it is printed."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

Path = tuple[str | int, ...]
"""The steps from an object to one of its fields: names, and indexes into lists."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong, or worth a warning, at a place in a file."""

    file: str
    line: int
    object: str
    """Kind, namespace and name, as `EscalationPolicy/shop/primary`; empty for a file as a whole."""
    path: str
    """The field, as `spec.levels[0].targets`; empty for an object as a whole."""
    message: str
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        """One line: `FILE:LINE OBJECT PATH: MESSAGE`, where a warning says that it is one."""
        place = " ".join(part for part in (f"{self.file}:{self.line}", self.object, self.path) if part)
        return f"{place}: {'warning: ' if self.level == 'warning' else ''}{self.message}"


def as_json(findings: Iterable[Finding]) -> str:
    """The findings as a JSON list of objects."""
    return json.dumps([asdict(finding) for finding in findings], indent=2)


def has_errors(findings: Sequence[Finding]) -> bool:
    """Whether any finding is more than a warning."""
    return any(finding.level == "error" for finding in findings)
