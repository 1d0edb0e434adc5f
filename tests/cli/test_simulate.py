"""`simulate` tells what the operator would do: the same core, the same answer as its whole loop."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from dev.layout import REPOSITORY
from tests.support.builders import T0, observation, policy, target
from tests.support.play import ERROR, begun
from watchbill.api.escalation_policy import EscalationPolicy
from watchbill.cli.plugin import options
from watchbill.cli.plugin import simulate as simulating
from watchbill.cli.plugin.failure import ExitCode
from watchbill.cli.plugin.main import app
from watchbill.cli.plugin.walk import walked
from watchbill.core.effects import ConnectionKey, SendPage

POLICIES: dict[str, Any] = {
    "two levels": policy(),
    "three rounds": policy(
        ("first", "1m", [target("pagerduty")]), ("second", "90s", [target("backup")]), times=2
    ),
    "several targets": policy(("all", "5m", [target("pagerduty"), target("backup")])),
    "a level where nobody can be reached": policy(
        ("gone", "5m", [target("nobody")]), ("there", "5m", [target("pagerduty")])
    ),
    "every level is empty": policy(("gone", "5m", [target("nobody")])),
    "one second": policy(("fast", "1s", [target("pagerduty")]), times=9),
}
DOWN = {"nothing is down": (), "the pager is down": ("pagerduty",), "all are down": ("pagerduty", "backup")}


Page = tuple[datetime, str, str]
"""When, at which level, and through which connection somebody is paged."""


def by_the_operator(found: EscalationPolicy, down: tuple[str, ...], until: datetime) -> list[Page]:
    """What the operator's whole loop, with its claims and writes, does until this moment."""
    simulation = begun(dict.fromkeys(down, ERROR), policies={"primary": found})
    simulation.advance(until - T0)
    pages = [sent for sent in simulation.sent if isinstance(sent.effect, SendPage)]
    return sorted((sent.time, sent.effect.page.level, sent.connection) for sent in pages)


def agree(found: EscalationPolicy, down: tuple[str, ...]) -> None:
    """Asserts that the command tells just what the operator does, the last resort's first page included."""
    seen = observation(policies={"primary": found})
    walk = walked(seen, T0, frozenset(ConnectionKey("shop", name) for name in down))
    told = sorted((each.time, each.page.level, each.connection.name) for each in walk)
    assert "lastResort" in {level for _, level, _ in told}
    assert told == by_the_operator(found, down, told[-1][0])


@pytest.mark.parametrize("down", DOWN.values(), ids=DOWN)
@pytest.mark.parametrize("found", POLICIES.values(), ids=POLICIES)
def test_the_command_and_the_operator_agree(found: EscalationPolicy, down: tuple[str, ...]):
    agree(found, down)


LEVELS = st.lists(
    st.tuples(
        st.sampled_from(("1s", "45s", "5m", "1h")),
        st.lists(st.sampled_from(("pagerduty", "backup", "nobody")), min_size=1, max_size=3, unique=True),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=30, deadline=None)
@given(levels=LEVELS, times=st.integers(0, 2), down=st.sampled_from(list(DOWN.values())))
def test_they_agree_on_any_policy(levels: Any, times: int, down: tuple[str, ...]):
    rows = [
        (f"level-{i}", after, [target(name) for name in names]) for i, (after, names) in enumerate(levels)
    ]
    agree(policy(*rows, times=times), down)


def types(*words: str) -> Result:
    return CliRunner().invoke(app, ["simulate", *words])


def manifests(folder: Path, *objects: Any) -> str:
    file = folder / "team.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    return str(file)


def manifest(kind: str, name: str, **spec: Any) -> Any:
    version = "watchbill.dev/v1alpha1"
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop"},
        "spec": spec,
    }


def a_policy(name: str = "primary") -> Any:
    levels = [
        {"name": "first", "escalateAfter": "5m", "targets": [target("pager", "backup")]},
        {"name": "second", "escalateAfter": "10m", "targets": [target("backup")]},
    ]
    return manifest("EscalationPolicy", name, levels=levels, lastResort={"targets": [target("backup")]})


PAGER = manifest("Connection", "pager", pagerDuty={"routingKeySecretRef": {"name": "pager", "key": "key"}})


def rows(answer: Result) -> list[tuple[str, str, str, str, str | None]]:
    assert answer.exit_code == 0, answer.output
    pages = json.loads(answer.stdout)["pages"]
    return [(p["after"], p["level"], p["who"], ways(p), p["acceptedBy"]) for p in pages]


def ways(page: Any) -> str:
    return " ".join(f"{hop['connection']}:{hop['vendor']}" for hop in page["how"])


@pytest.mark.feature("F29")
def test_who_is_paged_how_and_when_until_the_policy_is_exhausted(tmp_path: Path):
    answer = types(manifests(tmp_path, a_policy(), PAGER), "--at", "2026-03-09T03:00Z")
    assert rows(answer) == [
        ("0s", "first", "shop/pager", "shop/pager:pagerDuty shop/backup:assumed", "shop/pager"),
        ("5m", "second", "shop/backup", "shop/backup:assumed", "shop/backup"),
        ("15m", "lastResort", "shop/backup", "shop/backup:assumed", "shop/backup"),
    ]
    content = json.loads(answer.stdout)
    assert content["policy"] == "shop/primary"
    assert content["pages"][1]["time"] == "2026-03-09T03:05:00.000Z"
    assert content["exhaustedTime"] == "2026-03-09T03:15:00.000Z"


def test_a_suspended_policy_is_told_as_if_it_were_not_with_a_word_of_it(tmp_path: Path):
    active, suspended = tmp_path / "active", tmp_path / "suspended"
    for folder in (active, suspended):
        folder.mkdir()
    aside = a_policy()
    aside["spec"]["suspend"] = True
    plain = types(manifests(active, a_policy(), PAGER), "--at", "03:00")
    answer = types(manifests(suspended, aside, PAGER), "--at", "03:00")
    assert rows(answer) == rows(plain)
    assert (plain.stderr, json.loads(plain.stdout)["suspended"]) == ("", False)
    assert json.loads(answer.stdout)["suspended"]
    assert answer.stderr.startswith("suspended: incidents pass it over; to resume it: kubectl -n shop patch")


def test_a_connection_that_is_down_is_tried_and_its_fallback_paged_within_20_seconds(tmp_path: Path):
    answer = types(manifests(tmp_path, a_policy(), PAGER), "--at", "03:00", "--down", "pager")
    first, *others = json.loads(answer.stdout)["pages"]
    assert (first["level"], first["who"], first["acceptedBy"]) == ("first", "shop/pager", "shop/backup")
    assert 0 < int(first["acceptedAfter"].removesuffix("s")) <= 20
    assert [each["acceptedAfter"] == each["after"] for each in others] == [True, True]


@pytest.mark.feature("F29")
def test_a_level_that_reaches_nobody_is_named_and_fails_a_pipeline(tmp_path: Path):
    slack = manifest("Connection", "pager", slack={"botTokenSecretRef": {"name": "s", "key": "k"}})
    levels = [{"name": "first", "escalateAfter": "5m", "targets": [target("pager")]}]
    spec = manifest("EscalationPolicy", "primary", levels=levels, lastResort={"targets": [target("backup")]})
    answer = types(manifests(tmp_path, spec, slack), "--at", "03:00")
    gap = "level first: none of its connections can carry a page"
    assert (answer.exit_code, answer.stderr) == (ExitCode.REFUSED, f"{gap}\n")
    content = json.loads(answer.stdout)
    assert content["gaps"] == [gap]
    assert [page["level"] for page in content["pages"]] == ["lastResort"]


def test_a_pager_that_is_down_alone_at_its_level_is_a_gap(tmp_path: Path):
    file = manifests(tmp_path, a_policy(), PAGER)
    answer = types(file, "--at", "03:00", "--down", "backup")
    assert answer.exit_code == ExitCode.REFUSED
    assert answer.stderr.splitlines() == [
        "level second: no page gets through",
        "last resort: no page gets through",
    ]


def test_a_page_that_wakes_nobody_says_so(tmp_path: Path):
    console = manifest("Connection", "pager", console={})
    found = json.loads(types(manifests(tmp_path, a_policy(), console)).stdout)["pages"]
    assert [(page["acceptedBy"], page["real"]) for page in found][:2] == [
        ("shop/pager", False),
        ("shop/backup", True),
    ]


def test_a_person_gets_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(options, "on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")
    lines = types(manifests(tmp_path, a_policy(), PAGER), "--at", "2026-03-09T03:00Z").stdout.splitlines()
    assert lines[0] == "shop/primary, declared at 2026-03-09T03:00:00.000Z, nobody acknowledges"
    how = "pagerDuty, then assumed by shop/backup"
    assert lines[2].split() == [
        *["0s", "2026-03-09T03:00:00.000Z", "1", "first", "shop/pager"],
        *how.split(),
        "accepted",
    ]
    assert lines[-1].startswith("exhausted at 2026-03-09T03:15:00.000Z")


def test_a_person_sees_who_gets_it_where_the_pager_is_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(options, "on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")
    file = manifests(tmp_path, a_policy(), PAGER)
    lines = types(file, "--at", "03:00", "--down", "pager", "--down", "backup").stdout.splitlines()
    assert lines[2].endswith("does not answer")
    lines = types(file, "--at", "03:00", "--down", "pager").stdout.splitlines()
    assert re.search(r"shop/backup accepts after \d+s$", lines[2].rstrip())


@pytest.mark.feature("F29")
@given(start=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)))
@settings(max_examples=10, deadline=None)
def test_the_table_is_the_same_at_any_instant_but_for_the_times(start: datetime):
    with TemporaryDirectory() as folder:
        file = manifests(Path(folder), a_policy(), PAGER)
        content = json.loads(types(file, "--at", start.isoformat()).stdout)
        other = json.loads(types(file, "--at", "2026-03-09T03:00").stdout)
    begin = start.replace(microsecond=0, tzinfo=UTC)
    for page, there in zip(content["pages"], other["pages"], strict=True):
        assert datetime.fromisoformat(page.pop("time")) == begin + length_of(page["after"])
        assert page == {key: value for key, value in there.items() if key != "time"}


def length_of(text: str) -> timedelta:
    return {"0s": timedelta(0), "5m": timedelta(minutes=5), "15m": timedelta(minutes=15)}[text]


def test_of_several_policies_one_must_be_named(tmp_path: Path):
    file = manifests(tmp_path, a_policy("one"), a_policy("two"))
    asked = types(file)
    assert asked.exit_code == ExitCode.REFUSED
    assert "--name takes one of shop/one, shop/two" in asked.stderr
    assert json.loads(types(file, "--name", "two").stdout)["policy"] == "shop/two"


def test_what_cannot_be_simulated_is_refused(tmp_path: Path):
    assert "no EscalationPolicy" in types(manifests(tmp_path, PAGER)).stderr
    file = manifests(tmp_path, a_policy())
    assert "names no connection shop/other" in types(file, "--down", "other").stderr
    assert types(file, "--at", "tomorrow").exit_code == 2
    assert types("no-such-file.yaml").exit_code == 2
    assert types(file, "-o", "wide").exit_code == 2
    spec = a_policy()
    spec["spec"]["levels"][0]["escalateAfter"] = "99999h99999h"
    assert "cannot be simulated" in types(manifests(tmp_path, spec)).stderr


NOW = datetime(2026, 3, 9, 12, 30, 15, 500, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (None, "2026-03-09T12:30:15+00:00"),
        ("03:00", "2026-03-09T03:00:00+00:00"),
        ("2026-03-10T03:00", "2026-03-10T03:00:00+00:00"),
        ("2026-03-10T03:00:00+02:00", "2026-03-10T01:00:00+00:00"),
        ("2026-03-10", "2026-03-10T00:00:00+00:00"),
    ],
)
def test_a_time_is_utc_unless_it_says_otherwise(text: str | None, moment: str):
    assert simulating.moment_of(text, NOW).isoformat() == moment


def test_the_examples_and_their_seconds_are_walked():
    found = rows(types(str(REPOSITORY / "examples/demo"), "-n", "shop"))
    assert found[0][0] == "0s"
    assert found[-1][1] == "lastResort"
