"""The page, the plots and the file that a run leaves."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import report
from bench.machine import Machine
from bench.plot import plot, shown
from bench.results import BARE, NAIVE, OURS, Bar, Result, Row, count
from bench.sizes import SMALL
from bench.stats import Spread

MACHINE = Machine("a processor", 2, 8.0, "6.1", "3.11.7", "2026-01-02 03:04 UTC", 0.5, 1.25)
RESULT = Result(
    "speed",
    "Speed",
    "By a stop watch.",
    (
        Row(
            "p50",
            "ms",
            {OURS: Spread(5, 4, 6), BARE: Spread(4, 4, 4), NAIVE: Spread(50, 40, 900)},
            Spread(1.25, 1, 1.5),
            Bar(1.3, "ratio"),
            Bar(4.5),
        ),
        count("pages lost", 0),
    ),
    ("Most of it is waiting.",),
)


def test_the_page_tells_each_number_beside_its_bars():
    lines = report.section(RESULT).splitlines()
    assert "|  | watchbill | bare loop | naive kopf | ratio | required | moonshot |" in lines
    assert "| p50 (ms) | 5 (4–6) | 4 | 50 (40–900) | 1.25 (1–1.5) | ≤ 1.3× ✓ | ≤ 4.5 ✗ |" in lines
    assert "| pages lost | 0 |  |  |  | ≤ 0 ✓ | ≤ 0 ✓ |" in lines
    assert "![Speed](benchmarks/speed.svg)" in lines
    assert "Most of it is waiting." in lines


@pytest.mark.parametrize(("fsync", "valid"), [(20.0, True), (20.1, False)])
def test_a_run_on_a_slow_disk_says_that_it_is_not_valid(fsync: float, valid: bool):
    page = report.page(SMALL, [], (MACHINE, replace(MACHINE, fsync_p99_ms=fsync)))
    assert ("too slow for this run to be valid" not in page) is valid
    assert "2026-01-02 03:04 UTC, a processor, 2 cores, 8 GiB, Linux 6.1, Python 3.11.7" in page


def test_all_that_a_run_leaves_is_written(tmp_path: Path):
    report.write(tmp_path, SMALL, [RESULT], (MACHINE, MACHINE))
    found = json.loads((tmp_path / "benchmarks" / "results.json").read_text())
    assert found["results"][0]["rows"][0]["values"][OURS] == {"median": 5, "least": 4, "most": 6}
    assert found["before"]["load"] == 0.5
    assert "## Speed" in (tmp_path / "benchmarks.md").read_text()
    assert (tmp_path / "benchmarks" / "speed.svg").read_text() == plot(RESULT)


def test_a_plot_has_a_bar_for_each_system_and_longer_ones_for_more():
    drawn = ElementTree.fromstring(plot(RESULT))
    bars = {bar[0].text: float(bar.get("width", "0")) for bar in drawn.findall(".//{*}rect") if len(bar)}
    assert list(bars) == ["watchbill: 5 ms", "bare loop: 4 ms", "naive kopf: 50 ms"]
    assert bars["bare loop: 4 ms"] < bars["watchbill: 5 ms"] < bars["naive kopf: 50 ms"]
    texts = ["".join(text.itertext()) for text in drawn.findall(".//{*}text")]
    assert {"Speed", "p50", "ms (logarithmic)", "naive kopf"} <= set(texts)


def test_a_plot_of_nothing_but_zeros_can_be_drawn():
    ElementTree.fromstring(plot(Result("none", "None", "", (count("pages lost", 0),))))


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.01234, "0.0123"), (1.0, "1"), (12.34, "12.3"), (1234.5, "1,234")]
)
def test_numbers_are_shown_with_what_of_them_says_something(value: float, text: str):
    assert shown(value) == text
