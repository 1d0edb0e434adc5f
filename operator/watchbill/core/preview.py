"""Who would be paged by a policy, how and when, if nobody acknowledged.

One table: it stands in a policy's status, and `kubectl watchbill simulate` tells it offline.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from watchbill.api.connection import ConnectionSpec
from watchbill.api.durations import format_duration
from watchbill.api.escalation_policy import EscalationPolicy, PreviewedHop, PreviewedPage, Target
from watchbill.core.effects import ConnectionKey
from watchbill.core.plan import LAST_RESORT, escalate_after
from watchbill.core.references import PAGING_VENDORS, granted

Ways = tuple[PreviewedHop, ...]
"""The connections that a page goes through, in the order in which they are tried."""


def previewed(
    policy: EscalationPolicy, connections: Mapping[ConnectionKey, ConnectionSpec], at: datetime
) -> tuple[PreviewedPage, ...]:
    """Every page of an incident that is declared at this moment, until the last resort is first paged.

    Every connection answers at once. A level that reaches nobody opens the next one at once, as DESIGN §4
    rule 20 has it. Raises ValueError for delays that no duration can say; the schema refuses such.
    """
    home, due = policy.metadata.namespace or "", at
    pages: list[PreviewedPage] = []
    for round_, level, targets, wait in _openings(policy):
        reached = _reached(targets, connections, home)
        after = format_duration(due - at)
        pages += [
            PreviewedPage(after=after, round=round_, level=level, who=who, how=how)
            for who, how in reached.items()
        ]
        due += wait if reached else timedelta(0)
    return tuple(pages)


def _openings(policy: EscalationPolicy) -> Iterator[tuple[int, str, tuple[Target, ...], timedelta]]:
    """Every level in the order of opening: round, name, targets, and the time until the next one opens."""
    for round_ in range(1, policy.spec.repeat.times + 2):
        for level in policy.spec.levels:
            yield round_, level.name, level.targets, escalate_after(level)
    yield 1, LAST_RESORT, policy.spec.last_resort.targets, timedelta(0)


def _reached(
    targets: tuple[Target, ...], connections: Mapping[ConnectionKey, ConnectionSpec], home: str
) -> dict[str, Ways]:
    """The targets that can be reached and how; one that is named twice is paged once."""
    found: dict[str, Ways] = {}
    for target in targets:
        refs = (target.connection_ref, *(fallback.connection_ref for fallback in target.fallback))
        keys = [ConnectionKey(ref.namespace or home, ref.name) for ref in refs]
        how = tuple(_ways(keys, connections, home))
        if how:
            found.setdefault("/".join(keys[0]), how)
    return found


def _ways(
    keys: list[ConnectionKey], connections: Mapping[ConnectionKey, ConnectionSpec], home: str
) -> Iterator[PreviewedHop]:
    for key in keys:
        spec = connections.get(key)
        if spec is None or spec.vendor not in PAGING_VENDORS:
            continue
        if granted(key.namespace, spec.allowed_namespaces, home):
            yield PreviewedHop(connection="/".join(key), vendor=spec.vendor)
