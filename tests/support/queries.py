"""What of the operator's metrics a query of Prometheus uses."""

import re
from collections.abc import Iterator, Mapping

from prometheus_client.metrics import MetricWrapperBase

from watchbill.shell.metrics import Metrics

ADDED = frozenset({"instance", "job", "namespace", "pod"})
"""The labels that Prometheus adds to what it scrapes."""

_METRIC = re.compile(r"\b(watchbill_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")


def series() -> Mapping[str, frozenset[str]]:
    """Every series that the operator shows, with its labels; the parts of a histogram each by itself."""
    found = {}
    for metric in vars(Metrics()).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            labels = frozenset(metric._labelnames)
            match family.type:
                case "counter":
                    found[f"{family.name}_total"] = labels
                case "histogram":
                    found |= {f"{family.name}_{part}": labels for part in ("sum", "count")}
                    found[f"{family.name}_bucket"] = labels | {"le"}
                case _:
                    found[family.name] = labels
    return found


def unknown_in(query: str) -> Iterator[str]:
    """Each metric of the query that the operator does not have, and each label that none of them has."""
    known, labels = series(), set(ADDED)
    used = _METRIC.findall(query)
    if not used:
        yield f"no metric of ours in {query}"
    for name, matchers in used:
        if name not in known:
            yield name
            continue
        labels |= known[name]
        for label in _MATCHER.findall(matchers):
            if label not in known[name] | ADDED:
                yield f"{name}{{{label}}}"
    for group in _GROUPING.findall(query):
        yield from (label for label in re.findall(r"\w+", group) if label not in labels)
