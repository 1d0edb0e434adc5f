"""The runbooks that are for an incident are listed, and those that start by themselves are run once."""

from datetime import timedelta

import pytest

from tests.core.mitigating import book, run, sees
from tests.support.play import begun, decided, events, kinds, passed, said
from watchbill.api.incident_runbooks import MAX_STARTED, MAX_SUGGESTED
from watchbill.core.mitigation import StartProblem

AFFECTED = {"affected": [{"service": "checkout"}]}
MATCHES = [
    (None, True),
    ({"severities": ["SEV-1", "SEV-2"]}, True),
    ({"severities": ["SEV-2"]}, False),
    ({"services": ["cart", "checkout"]}, True),
    ({"services": ["cart"]}, False),
    ({"classes": ["service"]}, True),
    ({"classes": ["security"]}, False),
    ({"condition": "incident.spec.title.contains('500')"}, True),
    ({"condition": "incident.metadata.namespace == 'bank'"}, False),
    ({"condition": "incident.spec.nothing == 1"}, False),
    ({"services": ["checkout"], "severities": ["SEV-3"]}, False),
]


def listed(told):
    return [each.name for each in told.status.runbooks.suggested]


@pytest.mark.parametrize(("match", "matches"), MATCHES)
def test_a_runbook_is_listed_where_all_that_it_says_matches(match, matches):
    told = begun(spec=AFFECTED)
    sees(told, books=(book(match=match),))
    assert (listed(told) == ["book"]) is matches
    assert ("RunbooksSuggested" in events(told)) is matches


def test_they_are_listed_by_name_bounded_and_told_of_once():
    told = begun()
    books = tuple(book(f"b-{number}") for number in range(MAX_SUGGESTED + 2))
    sees(told, books=books)
    passed(told, "10m")
    assert listed(told) == [f"b-{number}" for number in range(MAX_SUGGESTED)]
    assert told.status.runbooks.suggested_omitted == 2
    assert (events(told).count("RunbooksSuggested"), kinds(told).count("RunbooksSuggested")) == (1, 1)


def test_one_that_could_not_be_run_is_not_listed():
    told = begun()
    bad = {"name": "bad", "wait": {"duration": "1s"}, "if": "no cel ("}
    sees(told, books=(book("bad", steps=[bad]), book("good")))
    assert listed(told) == ["good"]


def test_an_incident_that_is_over_lists_none_and_one_that_is_not_all_known_keeps_what_it_lists():
    told = begun()
    sees(told, books=(book(),))
    sees(told, complete=False)
    assert listed(told) == ["book"]
    sees(told, books=(book(),))
    said(told, "Resolved")
    assert listed(told) == []


def started(told):
    return [(each.runbook, each.created) for each in told.status.runbooks.started]


class TestARunbookThatStartsByItself:
    def test_is_run_once_and_a_run_that_is_deleted_is_not_made_again(self):
        told = begun()
        sees(told, books=(book(start="Auto"),))
        (wanted,) = decided(told).runs
        assert (wanted.namespace, wanted.incident, wanted.runbook) == ("shop", "checkout-500s", "book")
        sees(told, run(wanted.run, by_itself=True, person=""), books=(book(start="Auto"),))
        assert (started(told), decided(told).runs) == ([("book", True)], ())
        sees(told, books=(book(start="Auto"),))
        passed(told, "10m")
        assert (started(told), decided(told).runs) == ([("book", True)], ())
        assert events(told).count("RunStarted") == 1

    def test_has_one_name_for_each_incident_and_runbook(self):
        one, same, other = begun(), begun(), begun()
        for told, name in ((one, "book"), (same, "book"), (other, "other")):
            sees(told, books=(book(name, start="Auto"),))
        names = [told.status.runbooks.started[0].run for told in (one, same, other)]
        assert names[0] == names[1] != names[2]

    def test_is_asked_for_again_by_whoever_takes_over(self):
        told = begun()
        told.kill()
        sees(told, books=(book(start="Auto"),))
        told.start()
        assert len(decided(told).runs) == 1

    @pytest.mark.parametrize("spec", [{"mode": "Drill"}, {"severity": "SEV-3"}])
    def test_is_not_run_for_a_drill_nor_where_it_does_not_match(self, spec):
        told = begun(spec=spec)
        sees(told, books=(book(start="Auto", match={"severities": ["SEV-1"]}),))
        assert (started(told), decided(told).runs) == ([], ())

    def test_is_not_run_where_it_is_suggested_only(self):
        told = begun()
        sees(told, books=(book(),))
        assert decided(told).runs == ()

    def test_that_cannot_be_created_says_why_once_and_is_tried_again_later(self):
        told = begun()
        sees(told, books=(book(start="Auto"),))
        name = told.status.runbooks.started[0].run
        problem = {name: StartProblem("Forbidden: no", told.now + timedelta(seconds=30))}
        sees(told, books=(book(start="Auto"),), problems=problem)
        assert told.status.runbooks.started[0].message == "Forbidden: no"
        assert decided(told).runs == ()
        decision = decided(told)
        assert decision.requeue_after == timedelta(seconds=30)
        assert len(decided(told, after=timedelta(seconds=30)).runs) == 1
        assert events(told).count("RunNotStarted") == 1


@pytest.mark.convention(45)
class TestASuspendedRunbook:
    def test_is_not_listed_before_it_is_resumed(self):
        told = begun()
        sees(told, books=(book(suspend=True),))
        assert listed(told) == []
        sees(told, books=(book(suspend=False),))
        assert listed(told) == ["book"]

    def test_is_not_run_by_itself_before_it_is_resumed_and_the_incident_says_so_once(self):
        told = begun()
        sees(told, books=(book(start="Auto", suspend=True),))
        passed(told, "10m")
        assert (started(told), decided(told).runs) == ([("book", False)], ())
        assert (events(told).count("RunNotStarted"), kinds(told).count("RunNotStarted")) == (1, 1)
        entry = next(each for each in told.status.timeline if each.kind == "RunNotStarted")
        assert "runbook book is suspended" in entry.text
        assert "RunStarted" not in events(told)
        sees(told, books=(book(start="Auto"),))
        (wanted,) = decided(told).runs
        sees(told, run(wanted.run, by_itself=True, person=""), books=(book(start="Auto"),))
        assert told.status.runbooks.started[0].message == ""

    def test_is_not_run_for_an_incident_that_was_over_before_it_was_resumed(self):
        told = begun()
        sees(told, books=(book(start="Auto", suspend=True),))
        said(told, "Resolved")
        sees(told, books=(book(start="Auto"),))
        assert decided(told).runs == ()

    def test_that_was_suspended_before_its_run_was_created_is_not_run(self):
        told = begun()
        sees(told, books=(book(start="Auto"),))
        sees(told, books=(book(start="Auto", suspend=True),))
        assert decided(told).runs == ()
        assert "RunNotStarted" in events(told)

    def test_is_not_run_while_the_api_server_is_gone_nor_for_more_than_can_be_remembered(self):
        told = begun()
        books = tuple(book(f"b-{number}", start="Auto") for number in range(MAX_STARTED + 1))
        sees(told, books=books)
        assert len(decided(told).runs) == len(started(told)) == MAX_STARTED
        assert decided(told, blind_since=told.now).runs == ()
