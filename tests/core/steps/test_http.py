"""An HTTP request: a status that is not expected is a failure, and nobody can tell without an answer."""

import pytest

from tests.core.steps.driving import RUN, drive, step
from watchbill.core.outcomes import Result
from watchbill.core.steps.contract import Answer
from watchbill.core.steps.http import HttpKind

KIND = HttpKind()


def acted(answer, **more):
    body = step(http={"url": "https://a.example/off", **more})
    plan, asked = drive(KIND.plan(body, RUN))
    assert asked == []
    return drive(KIND.act(body, RUN, plan), answer)[0]


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ((204, None), Result.OK),
        ((302, None), Result.PERMANENT),
        ((401, None), Result.PERMANENT),
        ((404, None), Result.PERMANENT),
        ((409, None), Result.PERMANENT),
        ((429, None), Result.RETRY),
        ((500, None), Result.UNKNOWN),
        ((503, None), Result.UNKNOWN),
        (None, Result.UNKNOWN),
    ],
)
def test_its_answer_tells_what_became_of_it(answer, result):
    assert acted(answer).result == result


@pytest.mark.parametrize(
    ("expected", "status", "result"),
    [(["409"], 409, Result.OK), (["4xx"], 404, Result.OK), (["202"], 200, Result.PERMANENT)],
)
def test_what_is_expected_is_a_success_and_nothing_else(expected, status, result):
    assert acted((status, None), expectedStatuses=expected).result == result


def test_one_that_only_asks_may_be_asked_again():
    assert acted(None, method="GET").result == Result.RETRY


def test_one_that_was_not_let_out_has_failed_and_says_why():
    body = step(http={"url": "https://a.example/off"})
    talk = KIND.act(body, RUN, drive(KIND.plan(body, RUN))[0])
    next(talk)
    with pytest.raises(StopIteration) as end:
        talk.send(Answer(Result.PERMANENT, message="egress to a.example is denied: private address"))
    told = end.value.value
    assert (told.result, told.reason) == (Result.PERMANENT, "NotSent")
    assert told.message == "egress to a.example is denied: private address"


def test_the_body_of_the_answer_is_shown_nowhere():
    result = acted((200, {"password": "x"}))
    assert result.output == "HTTP 200"


def test_the_plan_shows_the_request():
    body = step(
        http={"url": "https://a.example/off", "headers": [{"name": "X-A", "value": "1"}], "body": "hello"}
    )
    plan, _ = drive(KIND.plan(body, RUN))
    assert (plan.summary, plan.diff) == ("POST https://a.example/off", ("X-A: 1", "body: hello"))
