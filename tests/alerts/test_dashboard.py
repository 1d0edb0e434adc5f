"""The dashboard shows what the operator has, and Prometheus understands each of its queries."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.layout import REPOSITORY
from tests.support.promtool import promtool
from tests.support.queries import unknown_in

DASHBOARD = json.loads((REPOSITORY / "charts/watchbill/files/dashboard.json").read_text(encoding="utf-8"))
GIVEN = {"$__rate_interval": "5m", "$__range": "6h"}
"""What Grafana puts in the place of its own variables."""

SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def panels() -> Iterator[dict[str, Any]]:
    yield from (panel for panel in DASHBOARD["panels"] if panel["type"] != "row")


def queries() -> Iterator[str]:
    for panel in panels():
        for each in panel["targets"]:
            query = each["expr"]
            for name, value in GIVEN.items():
                query = query.replace(name, value)
            yield query


@pytest.mark.convention(56)
def test_it_asks_for_nothing_that_the_operator_does_not_show():
    assert [(query, found) for query in queries() for found in unknown_in(query)] == []


@pytest.mark.convention(56)
def test_prometheus_understands_every_query(tmp_path: Path):
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries())]
    rules_file = tmp_path / "queries.yaml"
    rules_file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    said = promtool("check", "rules", rules_file)
    assert said.returncode == 0, said.stderr.decode()
    assert f"{len(rules)} rules found" in said.stdout.decode()


def test_every_panel_says_what_it_shows_and_asks_whom_the_reader_chooses():
    assert DASHBOARD["uid"] == "watchbill"
    assert [each["name"] for each in DASHBOARD["templating"]["list"]] == ["datasource"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in panels():
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["datasource"] == SOURCE
        assert all(each["datasource"] == SOURCE for each in panel["targets"])


@pytest.mark.parametrize(
    "what",
    [
        "watchbill_incidents",
        "watchbill_incident_time_to_acknowledge_seconds",
        "watchbill_incident_time_to_mitigate_seconds",
        "watchbill_incident_time_to_resolve_seconds",
        "watchbill_escalation_step_delay_seconds",
        "watchbill_overdue_actions",
        "watchbill_notifications_failed_total",
        'hop="fallback"',
        "watchbill_leader",
        "watchbill_kube_request_duration_seconds",
        "watchbill_queue_depth",
        "watchbill_heartbeat_last_success_timestamp_seconds",
    ],
)
def test_it_shows_what_whoever_is_on_call_looks_for(what: str):
    assert any(what in query for query in queries())
