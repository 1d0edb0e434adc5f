"""The severity matrix: which row applies to an incident."""

from watchbill.api.incident_class import Severity
from watchbill.api.incident_status import FrozenClass


def row(frozen: FrozenClass | None, name: str) -> Severity | None:
    """The row of this name; the most severe one where there is no such row; None without a matrix."""
    if frozen is None or not frozen.severities:
        return None
    named = (severity for severity in frozen.severities if severity.name == name)
    return next(named, None) or min(frozen.severities, key=lambda severity: severity.rank)


def is_known(frozen: FrozenClass, name: str) -> bool:
    """Whether the matrix has a row of this name."""
    return any(severity.name == name for severity in frozen.severities)
