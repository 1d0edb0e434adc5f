"""Each alert fires when it should, is silent when it should be, and has a page that says what to do."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.layout import REPOSITORY
from tests.support.promtool import promtool
from tests.support.queries import series, unknown_in
from watchbill.shell.heartbeat import Silence

RULES = REPOSITORY / "charts/watchbill/files/alerts.yaml"
PAGES = REPOSITORY / "docs/alerts"
HOWTO = REPOSITORY / "docs/howto/monitoring.md"
CASES = sorted(Path(__file__).parent.glob("*_test.yaml"))
HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def alerts() -> Iterator[dict[str, Any]]:
    for group in read(RULES)["groups"]:
        yield from group["rules"]


NAMES = [each["alert"] for each in alerts()]


@pytest.mark.convention(55)
@pytest.mark.feature("F70")
def test_they_fire_and_are_silent_as_prometheus_itself_evaluates_them():
    said = promtool("test", "rules", *CASES)
    assert said.returncode == 0, said.stdout.decode() + said.stderr.decode()
    assert promtool("check", "rules", "--lint-fatal", RULES).returncode == 0


@pytest.mark.convention(55)
@pytest.mark.feature("F70")
def test_each_is_tried_firing_and_silent():
    tried: defaultdict[str, set[str]] = defaultdict(set)
    for path in CASES:
        for case in read(path)["tests"]:
            for each in case.get("promql_expr_test", ()):
                name = re.fullmatch(r'ALERTS\{alertname="(\w+)", alertstate="firing"\}', each["expr"])
                assert name is not None
                tried[name[1]].add("fires" if each["exp_samples"] else "is silent")
    assert tried == {name: {"fires", "is silent"} for name in NAMES}


def test_they_ask_for_nothing_that_the_operator_does_not_show():
    assert [(each["alert"], found) for each in alerts() for found in unknown_in(each["expr"])] == []


@pytest.mark.convention(55)
def test_each_says_what_is_wrong_how_bad_it_is_and_where_to_read_on():
    assert len(set(NAMES)) == len(NAMES)
    for each in alerts():
        assert re.fullmatch(r"Watchbill[A-Z]\w+", each["alert"])
        assert each["labels"]["severity"] in ("critical", "warning", "info")
        notes = each["annotations"]
        assert set(notes) == {"summary", "description", "runbook_url"}
        assert (REPOSITORY / notes["runbook_url"]).read_text().startswith(f"# {each['alert']}\n")


@pytest.mark.convention(55)
def test_there_is_a_page_for_every_alert_and_none_without_one():
    assert sorted(path.stem for path in PAGES.iterdir()) == sorted(NAMES)


@pytest.mark.convention(55)
@pytest.mark.parametrize("name", NAMES)
def test_a_page_says_what_it_means_what_follows_how_to_find_out_and_what_to_do(name: str):
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    first, *rest = text.split("\n## ")
    assert first.startswith(f"# {name}\n")
    assert [part.split("\n", 1)[0] for part in rest] == HEADINGS
    assert all(part.split("\n", 1)[1].strip() for part in rest)


@pytest.mark.parametrize("page", [*PAGES.iterdir(), HOWTO], ids=lambda page: page.stem)
def test_the_metrics_that_a_page_names_are_there(page: Path):
    known = {name.removesuffix(end) for name in series() for end in ("", "_bucket")}
    assert set(re.findall(r"\bwatchbill_\w+", page.read_text(encoding="utf-8"))) <= known


@pytest.mark.feature("F70")
def test_whatever_stops_the_heartbeat_has_an_alert_inside():
    """The alarm outside says that something is wrong; an alert inside says what."""
    named = {
        Silence.NOT_LEADING: "WatchbillNoLeader",
        Silence.API_SERVER_UNREACHABLE: "WatchbillAPIServerUnreachable",
        Silence.WATCH_STALE: "WatchbillHeartbeatMissing",
        Silence.UNHEALTHY: "WatchbillHeartbeatMissing",
        Silence.OVERDUE: "WatchbillPageOverdue",
        Silence.LAST_RESORT: "WatchbillLastResort",
        Silence.TEST_PAGE: "WatchbillTestPageFailed",
    }
    assert set(named) == set(Silence)
    assert set(named.values()) <= set(NAMES)
    page = (PAGES / "WatchbillHeartbeatMissing.md").read_text(encoding="utf-8")
    assert [reason for reason in Silence if f"`{reason}`" not in page] == []


@pytest.mark.parametrize(
    ("query", "unknown"),
    [
        ("sum by (severity) (watchbill_incidents{phase='Closed'})", []),
        ("rate(watchbill_incident[5m])", ["watchbill_incident"]),
        ('watchbill_incidents{user="ana"}', ["watchbill_incidents{user}"]),
        ("sum by (name) (watchbill_incidents)", ["name"]),
        ("up", ["no metric of ours in up"]),
    ],
)
def test_a_query_for_what_is_not_there_is_noticed(query: str, unknown: list[str]):
    assert list(unknown_in(query)) == unknown
