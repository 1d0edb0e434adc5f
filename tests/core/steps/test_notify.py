"""A message to people: whatever becomes of it, nothing waits for it."""

from dataclasses import replace

import pytest

from tests.core.steps.driving import RUN, drive, step
from watchbill.core.outcomes import Result
from watchbill.core.steps.contract import Message
from watchbill.core.steps.notify import NotifyKind

KIND = NotifyKind()
STEP = step(notify={"connectionRef": {"name": "chat"}, "text": "Hello."})


def test_it_is_said_through_the_connection():
    plan, _ = drive(KIND.plan(STEP, RUN))
    result, asked = drive(KIND.act(STEP, RUN, plan), (200, None))
    assert (result.result, asked) == (Result.OK, [Message("chat", "Hello.")])


@pytest.mark.parametrize(
    ("answer", "result"), [(None, Result.OK), ((500, None), Result.OK), ((400, None), Result.PERMANENT)]
)
def test_what_may_have_been_heard_is_not_repeated(answer, result):
    plan, _ = drive(KIND.plan(STEP, RUN))
    assert drive(KIND.act(STEP, RUN, plan), answer)[0].result == result


def test_the_incidents_channel_needs_an_incident():
    body = step(notify={"text": "Hello."})
    assert drive(KIND.plan(body, RUN))[0].denied == "there is no incident, so name a connection"
    assert drive(KIND.plan(body, replace(RUN, incident="checkout-500s")))[0].denied == ""
