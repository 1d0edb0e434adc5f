"""What the driver reads: the API server's counters, the sink's arrivals, a process's usage."""

import json
import os
from datetime import UTC, datetime

from bench import usage
from bench.api import asked, samples, total, writes
from bench.arrivals import Arrival, read
from bench.machine import _cpu_model
from bench.population import Member, due_at, severity_of, written

COUNTERS = """
# TYPE apiserver_request_total counter
apiserver_request_total{code="200",resource="incidents",subresource="status",verb="PATCH"} 3
apiserver_request_total{code="201",resource="incidents",subresource="",verb="POST"} 2
apiserver_request_total{code="409",resource="incidents",subresource="status",verb="PATCH"} 1
apiserver_flowcontrol_dispatched_requests_total{flow_schema="exempt"} 100
apiserver_flowcontrol_dispatched_requests_total{flow_schema="service-accounts"} 7
apiserver_request_duration_seconds_count{verb="PATCH"} 5
"""


def test_writes_are_counted_where_the_server_took_them():
    found = samples(COUNTERS)
    assert writes(found, "incidents", "PATCH", "status") == 3
    assert writes(found, "incidents", "POST") == 2
    assert total(found, "apiserver_request_total", code="409") == 1


def test_the_drivers_own_requests_are_not_counted_as_asked_by_others():
    assert asked(samples(COUNTERS)) == 7


def test_a_page_is_read_in_each_vendors_words():
    payload = {"source": "team-001/one"}
    pagerduty = {"event_action": "trigger", "dedup_key": "k", "payload": payload}
    assert read(1.0, "/v2/enqueue", json.dumps(pagerduty)) == [Arrival(1.0, "one", "trigger", "k")]
    closed = {"event_action": "resolve", "dedup_key": "k"}
    assert read(1.0, "/v2/enqueue", json.dumps(closed)) == [Arrival(1.0, "", "resolve", "k")]
    alerts = {"alerts": [{"labels": {"alertname": name}} for name in "ab"]}
    assert [each.incident for each in read(2.0, "/alertmanager", json.dumps(alerts))] == ["a", "b"]
    assert read(3.0, "/bare", '{"incident": "one", "key": "k"}') == [Arrival(3.0, "one", "trigger", "k")]


def test_an_incident_is_due_when_it_is_said_and_its_level_was_open_before():
    status = {
        "escalation": {"openedTime": "2026-01-02T03:00:00.000Z", "nextTime": "2026-01-02T06:00:00.000Z"}
    }
    member = Member("team-000", "one", "uid", "SEV-1", json.dumps(status))
    moment = datetime(2026, 1, 2, 2, 0, tzinfo=UTC)
    changed = json.loads(due_at(member, moment).status)["escalation"]
    assert changed == {"openedTime": "2026-01-02T01:55:00.000Z", "nextTime": "2026-01-02T02:00:00.000Z"}


def test_a_moment_is_written_in_whole_milliseconds():
    assert written(datetime(2026, 1, 2, 3, 4, 5, 6789, tzinfo=UTC)) == "2026-01-02T03:04:05.006Z"


def test_one_in_twenty_is_of_the_worst_severity_and_five_of_the_next():
    found = [severity_of(number) for number in range(40)]
    assert [found.count(name) for name in ("SEV-1", "SEV-2", "SEV-3")] == [2, 10, 28]


def test_this_process_uses_something():
    pid = os.getpid()
    assert usage.cpu_seconds(pid) > 0
    assert sum(usage.cpu_seconds_by_thread(pid).values()) > 0
    assert 1 < usage.resident_mib(pid) <= usage.peak_mib(pid)


def test_the_processor_is_named_where_the_kernel_names_it():
    assert _cpu_model("processor : 0\nmodel name\t: Fast 9000\n") == "Fast 9000"
    assert _cpu_model("processor : 0\n") != ""
