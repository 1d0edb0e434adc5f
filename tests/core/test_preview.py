"""The preview of a policy: the table that its status holds, and that the operator keeps to."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import T0, policy, target
from tests.support.play import begun
from watchbill.api.connection import VENDORS, Connection
from watchbill.api.durations import parse_duration
from watchbill.api.escalation_policy import MAX_PREVIEW, EscalationPolicy, EscalationPolicyStatus
from watchbill.core.effects import ConnectionKey, SendPage
from watchbill.core.preview import previewed
from watchbill.core.references import PAGING_VENDORS
from watchbill.providers.facts import facts_of
from watchbill.providers.registry import PROVIDERS

SECRET = {"name": "s", "key": "k"}
SPECS: dict[ConnectionKey, Any] = {
    ConnectionKey("shop", "pagerduty"): {"pagerDuty": {"routingKeySecretRef": SECRET}},
    ConnectionKey("shop", "backup"): {"webhook": {"urlSecretRef": SECRET}},
    ConnectionKey("shop", "log"): {"console": {}},
    ConnectionKey("shop", "chat"): {"slack": {"botTokenSecretRef": SECRET}},
    ConnectionKey("platform", "lent"): {"console": {}, "allowedNamespaces": {"from": "All"}},
    ConnectionKey("platform", "kept"): {"console": {}},
}
"""Two that page, one that wakes nobody, one that cannot page, and another namespace's, granted and not."""

CONNECTIONS = {
    key: Connection.model_validate(
        {"metadata": {"namespace": key.namespace, "name": key.name, "uid": f"uid-{key.name}"}, "spec": spec}
    )
    for key, spec in SPECS.items()
}


Row = tuple[str, int, str, str, str]
"""After how long, the round, the level, who, and by which connections."""


def rows(found: EscalationPolicy, at: datetime = T0) -> list[Row]:
    pages = previewed(found, {key: each.spec for key, each in CONNECTIONS.items()}, at)
    return [
        (each.after, each.round, each.level, each.who, " ".join(hop.connection for hop in each.how))
        for each in pages
    ]


def opened(found: EscalationPolicy) -> list[Row]:
    """What the operator's whole loop opens, until the last resort was paged, in the table's words."""
    facts = {key: facts_of(each) for key, each in CONNECTIONS.items()}
    simulation = begun(policies={"primary": found}, connections=facts)
    sent: dict[str, Row] = {}
    while simulation.status.escalation.exhausted_time is None:
        simulation.advance(parse_duration("1m"))
    for each in simulation.sent:
        if isinstance(each.effect, SendPage) and (page := each.effect.page).id not in sent:
            how = [f"{hop.namespace}/{hop.connection}" for hop in page.hops if hop.state != "Failed"]
            who = f"{page.hops[0].namespace}/{page.hops[0].connection}"
            after = str(int((each.time - T0).total_seconds()))
            sent[page.id] = (after, page.round, page.level, who, " ".join(how))
    end = simulation.status.escalation.exhausted_time
    return [row for row in sent.values() if int(row[0]) <= int((end - T0).total_seconds())]


def in_seconds(found: list[Row]) -> list[Row]:
    return [(str(int(parse_duration(row[0]).total_seconds())), *row[1:]) for row in found]


def foreign(name: str) -> dict[str, Any]:
    return {"connectionRef": {"name": name, "namespace": "platform"}}


def test_who_is_paged_how_and_when_until_the_last_resort():
    found = policy(
        ("first", "90s", [target("pagerduty", "backup"), target("log")]),
        ("second", "1h", [target("backup")]),
        times=1,
    )
    assert rows(found) == [
        ("0s", 1, "first", "shop/pagerduty", "shop/pagerduty shop/backup"),
        ("0s", 1, "first", "shop/log", "shop/log"),
        ("1m30s", 1, "second", "shop/backup", "shop/backup"),
        ("1h1m30s", 2, "first", "shop/pagerduty", "shop/pagerduty shop/backup"),
        ("1h1m30s", 2, "first", "shop/log", "shop/log"),
        ("1h3m", 2, "second", "shop/backup", "shop/backup"),
        ("2h3m", 1, "lastResort", "shop/backup", "shop/backup"),
    ]


def test_the_vendor_of_each_way_is_told():
    (page, *_) = previewed(policy(), {key: each.spec for key, each in CONNECTIONS.items()}, T0)
    assert [hop.vendor for hop in page.how] == ["pagerDuty", "webhook"]


UNREACHED = {
    "a connection that is not there": target("nobody"),
    "a connection that cannot page": target("chat"),
    "another namespace's that is not granted": foreign("kept"),
}


@pytest.mark.parametrize("unreached", UNREACHED.values(), ids=UNREACHED)
def test_a_level_that_reaches_nobody_is_left_out_and_takes_no_time(unreached: Any):
    found = policy(("gone", "5m", [unreached]), ("there", "5m", [target("pagerduty")]))
    assert [row[:3] for row in rows(found)] == [("0s", 1, "there"), ("5m", 1, "lastResort")]


def test_a_target_whose_own_connection_cannot_be_used_is_paged_by_its_fallback():
    assert rows(policy(("one", "5m", [target("nobody", "chat", "backup")])))[0][3:] == (
        "shop/nobody",
        "shop/backup",
    )


def test_another_namespaces_connection_is_used_where_it_is_granted():
    assert rows(policy(("one", "5m", [foreign("lent")])))[0][3:] == ("platform/lent", "platform/lent")


def test_where_nobody_can_be_reached_the_table_is_empty():
    assert rows(policy(("one", "5m", [target("nobody")]), last_resort="nobody")) == []


TARGETS = st.builds(
    target,
    st.sampled_from(("pagerduty", "backup", "chat", "nobody")),
    st.sampled_from(("log", "nobody", "backup")),
) | st.sampled_from(
    (
        target("pagerduty"),
        target("chat"),
        foreign("lent"),
        foreign("kept"),
        # The same as without its namespace: a schema cannot tell, and nobody is paged twice.
        {"connectionRef": {"name": "pagerduty", "namespace": "shop"}},
    )
)
LEVELS = st.lists(
    st.tuples(st.sampled_from(("1s", "45s", "5m")), st.lists(TARGETS, min_size=1, max_size=3)),
    min_size=1,
    max_size=3,
)


@pytest.mark.feature("F29")
@settings(max_examples=30, deadline=None)
@given(levels=LEVELS, times=st.integers(0, 2), last=st.sampled_from(("backup", "nobody")))
def test_the_table_is_what_the_operator_opens(levels: Any, times: int, last: str):
    found = policy(
        *((f"level-{number}", after, targets) for number, (after, targets) in enumerate(levels)),
        times=times,
        last_resort=last,
    )
    assert sorted(in_seconds(rows(found))) == sorted(opened(found))


@pytest.mark.feature("F29")
@given(at=st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)))
def test_the_table_is_the_same_at_any_instant(at: datetime):
    assert rows(policy(), at) == rows(policy())


def test_the_longest_table_that_the_schema_allows_fits_the_status():
    levels = [(f"level-{number}", "24h", [target("log")]) for number in range(10)]
    last = {"targets": [target(name) for name in ("log", "pagerduty", "backup")]}
    found = policy(*levels, times=9)
    spec = found.spec.model_copy(update={"last_resort": type(found.spec.last_resort).model_validate(last)})
    pages = previewed(
        found.model_copy(update={"spec": spec}),
        {key: each.spec for key, each in CONNECTIONS.items()},
        T0,
    )
    assert len(pages) == 103 <= MAX_PREVIEW
    assert pages[-1].after == "2400h"
    assert EscalationPolicyStatus(preview=pages).preview == pages


def test_what_can_page_is_what_a_provider_is_there_for():
    assert set(PROVIDERS) == set(PAGING_VENDORS) <= set(VENDORS)
