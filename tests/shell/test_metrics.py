"""The names that dashboards and alerts are written with."""

from collections.abc import Mapping

import pytest

from dev.layout import REPOSITORY
from dev.metrics_reference import METRICS
from tests.shell.running import Running
from tests.shell.world import OVER, TAKEN, World, declared
from tests.support.promtool import promtool
from watchbill.shell.metrics import Metrics

NAMES = {
    "watchbill_reconcile_total": ("counter", ("controller", "result")),
    "watchbill_reconcile_errors_total": ("counter", ("controller",)),
    "watchbill_reconcile_time_seconds": ("histogram", ("controller",)),
    "watchbill_active_workers": ("gauge", ()),
    "watchbill_max_concurrent_reconciles": ("gauge", ()),
    "watchbill_queue_depth": ("gauge", ()),
    "watchbill_queue_duration_seconds": ("histogram", ()),
    "watchbill_unhealthy_objects": ("gauge", ("kind", "condition", "reason")),
    "watchbill_leader": ("gauge", ("name",)),
    "watchbill_clock_skew_seconds": ("gauge", ()),
    "watchbill_kube_requests_total": ("counter", ("verb", "resource", "code")),
    "watchbill_kube_request_duration_seconds": ("histogram", ("verb", "resource")),
    "watchbill_kube_events_dropped_total": ("counter", ("reason",)),
    "watchbill_watch_restarts_total": ("counter", ()),
    "watchbill_watch_missed_total": ("counter", ("kind",)),
    "watchbill_notifications_total": ("counter", ("integration",)),
    "watchbill_notifications_failed_total": ("counter", ("integration", "reason")),
    "watchbill_notification_retries_total": ("counter", ("integration",)),
    "watchbill_notification_latency_seconds": ("histogram", ("integration",)),
    "watchbill_send_wait_seconds": ("histogram", ("integration",)),
    "watchbill_circuit_open": ("gauge", ("integration",)),
    "watchbill_escalation_step_delay_seconds": ("histogram", ("integration", "hop")),
    "watchbill_overdue_actions": ("gauge", ("action",)),
    "watchbill_last_resort_incidents": ("gauge", ()),
    "watchbill_heartbeats_total": ("counter", ("result",)),
    "watchbill_heartbeat_silent": ("gauge", ("reason",)),
    "watchbill_heartbeat_last_success_timestamp_seconds": ("gauge", ()),
    "watchbill_test_pages_total": ("counter", ("result",)),
    "watchbill_test_page_last_success_timestamp_seconds": ("gauge", ()),
    "watchbill_incidents": ("gauge", ("namespace", "severity", "phase")),
    "watchbill_incident_time_to_acknowledge_seconds": ("histogram", ("class", "severity")),
    "watchbill_incident_time_to_mitigate_seconds": ("histogram", ("class", "severity")),
    "watchbill_incident_time_to_resolve_seconds": ("histogram", ("class", "severity")),
    "watchbill_incidents_reopened_total": ("counter", ("class", "severity")),
    "watchbill_runbook_runs": ("gauge", ("phase",)),
    "watchbill_runbook_runs_ended_total": ("counter", ("result",)),
    "watchbill_runbook_step_duration_seconds": ("histogram", ("kind", "result")),
    "watchbill_runbook_steps_blocked_total": ("counter", ("reason",)),
    "watchbill_build_info": ("gauge", ("version", "revision", "python")),
}


@pytest.mark.convention(54)
def test_every_metric_has_its_name_its_type_its_labels_and_a_sentence():
    metrics = Metrics()
    found = {}
    for attribute in vars(metrics).values():
        if hasattr(attribute, "describe"):
            (family,) = attribute.describe()
            name = family.name + ("_total" if family.type == "counter" else "")
            found[name] = (family.type, tuple(attribute._labelnames))
            assert family.documentation.endswith(".")
    assert found == NAMES
    reference = (REPOSITORY / METRICS).read_text(encoding="utf-8")
    assert [name for name in NAMES if f"| `{name}` |" not in reference] == []


def test_what_is_scraped_says_what_is_running():
    text = Metrics("1.2.3", "abc").render().decode()
    assert 'watchbill_build_info{python="' in text
    assert 'revision="abc",version="1.2.3"} 1.0' in text
    assert "_created" not in text


def test_two_processes_in_one_do_not_share_metrics():
    first, second = Metrics(), Metrics()
    first.active_workers.set(3)
    assert second.registry.get_sample_value("watchbill_active_workers") == 0


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("watchbill_kube_events_dropped_total", {"reason": "Forbidden"}),
        ("watchbill_reconcile_errors_total", {"controller": "runbookrun"}),
        ("watchbill_watch_missed_total", {"kind": "Connection"}),
        ("watchbill_runbook_runs_ended_total", {"result": "Failed"}),
        ("watchbill_runbook_steps_blocked_total", {"reason": "OutcomeUnknown"}),
        ("watchbill_runbook_steps_blocked_total", {"reason": "UndoFailed"}),
    ],
)
async def test_what_is_alerted_on_at_its_first_increase_is_0_at_the_start(
    found: Running, name: str, labels: Mapping[str, str]
):
    assert found.app.metrics.registry.get_sample_value(name, dict(labels)) == 0


@pytest.mark.convention(54)
async def test_prometheus_finds_no_fault_in_what_is_scraped(world: World):
    await declared(world)
    world.people_say(**TAKEN)
    await world.run()
    world.people_say(**OVER)
    await world.run()
    text = world.metrics.render()
    assert b"watchbill_incident_time_to_resolve_seconds_bucket" in text
    said = promtool("check", "metrics", "--extended", stdin=text)
    assert (said.returncode, said.stderr.decode()) == (0, "")
