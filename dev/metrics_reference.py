"""The reference of the metrics, made from the one place where they are declared."""

import re
from collections.abc import Iterator

import yaml
from prometheus_client.metrics import MetricWrapperBase

from dev.layout import REPOSITORY
from dev.reference import table
from watchbill.shell.metrics import Metrics

METRICS = "docs/reference/metrics.md"

INTRODUCTION = """# Metrics

Served at `/metrics` of the address that `watchbill run --health-address` names, `:8081` by default. Made by
`make generate` from `operator/watchbill/shell/metrics.py`. Times are in seconds; what ends in `_total` only
grows, and begins anew with each process.

Each replica counts what it does itself. Only the one whose `watchbill_leader` is 1 pages; the gauges
`watchbill_incidents`, `watchbill_unhealthy_objects` and `watchbill_runbook_runs` are the same on all: take
their maximum, not their sum. No label holds the name of an incident or a runbook, a user or a free text. A
severity that no class has is `unknown`.

How long people took is measured once for each incident: by whom, and what a reopening means, says
[decision 26](../decisions/0026-measured-once.md). No metric of incidents counts
drills and incidents of the past.
"""

RULES = "charts/watchbill/files/alerts.yaml"

ALERTS = f"""
## What to alert on

`{RULES}` has these rules for Prometheus; [monitoring](../howto/monitoring.md) tells how to load them.

"""


def metrics_page() -> str:
    """The page: every metric with its type, its labels and its sentence, in the order of their names."""
    metrics = table(("metric", "type", "labels", "what it says"), sorted(_rows()))
    return f"{INTRODUCTION}\n{metrics}{ALERTS}{table(('alert', 'severity', 'says'), _alerts())}"


def _rows() -> Iterator[tuple[str, str, str, str]]:
    for metric in vars(Metrics()).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            name = family.name + ("_total" if family.type == "counter" else "")
            labels = ", ".join(f"`{label}`" for label in metric._labelnames)
            yield f"`{name}`", family.type, labels, family.documentation


def _alerts() -> Iterator[tuple[str, str, str]]:
    for group in yaml.safe_load((REPOSITORY / RULES).read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            summary = re.sub(r"\{\{ \$labels\.(\w+) \}\}", r"*\1*", rule["annotations"]["summary"])
            link = f"[{rule['alert']}](../alerts/{rule['alert']}.md)"
            yield link, rule["labels"]["severity"], summary
