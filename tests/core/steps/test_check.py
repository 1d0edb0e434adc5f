"""What is looked at, and what must be true of it."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.core.steps.driving import RUN, TARGET, drive, refused, step
from watchbill.core.outcomes import Result
from watchbill.core.steps.check import CheckKind

KIND = CheckKind()
QUERY = {"url": "https://prometheus.example/", "query": "rate(errors[5m])"}


def looked(answer, **check):
    return drive(KIND.follow(step(check=check), RUN, ""), answer)


def vector(*values):
    samples = [{"metric": {"pod": f"p-{n}"}, "value": [1, v]} for n, v in enumerate(values)]
    return {"status": "success", "data": {"resultType": "vector", "result": samples}}


@pytest.mark.parametrize(
    ("found", "pending"), [({"spec": {"replicas": 3}}, False), ({"spec": {"replicas": 2}}, True), ({}, True)]
)
def test_an_object(found, pending):
    result, _ = looked((200, found), targetRef=TARGET, condition="object.spec.replicas > 2")
    assert (result.result, result.pending) == (Result.OK, pending)


@pytest.mark.parametrize(
    ("body", "condition", "pending"),
    [
        (vector("0.01", "0.02"), "result.all(r, r.value < 0.05)", False),
        (vector("0.01", "0.9"), "result.all(r, r.value < 0.05)", True),
        (vector(), None, True),
        (vector("NaN"), None, True),
        (vector("1"), None, False),
        ({"data": {"resultType": "scalar", "result": [1, "2"]}}, "result[0].value == 2.0", False),
        ({"status": "error"}, None, True),
        ("nonsense", None, True),
    ],
)
def test_a_query(body, condition, pending):
    check = {"promQL": QUERY} | ({"condition": condition} if condition else {})
    result, (asked,) = looked((200, body), **check)
    assert (result.result, result.pending) == (Result.OK, pending)
    url = urlsplit(asked.url)
    assert (url.path, parse_qs(url.query)) == ("/api/v1/query", {"query": ["rate(errors[5m])"]})


@pytest.mark.parametrize(
    ("status", "condition", "pending"),
    [(200, None, False), (503, None, True), (503, "response.status == 503", False), (404, None, True)],
)
def test_a_page(status, condition, pending):
    check = {"http": {"url": "https://a.example/health"}} | ({"condition": condition} if condition else {})
    assert looked((status, None), **check)[0].pending is pending


@pytest.mark.parametrize("answer", [None, (403, refused("no")), (404, refused("no")), (500, None)])
def test_no_answer_is_asked_for_again(answer):
    result, _ = looked(answer, targetRef=TARGET, condition="true")
    assert (result.result, result.pending) == (Result.OK, True)


def test_a_condition_that_is_no_cel_fails_at_once():
    result, asked = drive(KIND.follow(step(check={"targetRef": TARGET, "condition": "a ==="}), RUN, ""))
    assert (result.result, result.reason, asked) == (Result.PERMANENT, "InvalidCondition", [])


def test_a_condition_that_is_no_truth_says_so():
    result, _ = looked((200, {"a": 1}), targetRef=TARGET, condition="object.a")
    assert (result.pending, result.message) == (True, "must be true or false")


def test_it_takes_no_time_unless_it_may():
    once, within = (
        step(check={"targetRef": TARGET, "condition": "true", **w}) for w in ({}, {"within": "1m"})
    )
    assert (KIND.patience(once), KIND.patience(within)) == (timedelta(0), timedelta(minutes=1))


def test_an_object_of_a_namespace_that_the_runbook_does_not_list_is_not_looked_at():
    other = step(check={"targetRef": {**TARGET, "namespace": "cart"}, "condition": "true"})
    planned, _ = drive(CheckKind().plan(other, RUN))
    result, asked = drive(CheckKind().act(other, RUN, planned))
    assert "namespace cart is not in spec.scope.namespaces" in planned.denied
    assert (result.result, result.reason, asked) == (Result.PERMANENT, "OutOfScope", [])
    listed = replace(RUN, namespaces=("cart",))
    assert drive(CheckKind().plan(other, listed))[0].denied == ""
