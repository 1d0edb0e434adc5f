"""The incident's channel: made once, told of each transition, archived at the end."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.support.builders import UID, UNKEYED, incident_class, observation
from tests.support.play import ACKNOWLEDGED, OK, TIMEOUT, condition, kinds, paged, passed, said
from tests.support.play import begun as begun_with
from tests.support.simulate import Answer, Cut, Simulation
from watchbill.api.incident_status import Claim
from watchbill.api.resources import Channel
from watchbill.core import announce
from watchbill.core.channel_record import REFUSED_FOR, with_channel
from watchbill.core.effects import ConnectionKey, CreateChannel, DescribeChannel
from watchbill.core.observation import ConnectionFacts
from watchbill.core.outcomes import Outcome, Result
from watchbill.core.record import record

PLACE = ConnectionKey("incident-platform", "slack")
CHAT = ConnectionFacts(uid="uid-slack", allowed_classes=("service",), pages=False, channels=True)
ROW = {"response": {"channel": {"connectionRef": PLACE._asdict()}}, "postmortem": {"policy": "Optional"}}
NAME = "inc-20260309-checkout-500s"
DOWN = Answer(Result.RETRY, reason="HTTP503")
BAD_TOKEN = Answer(Result.AUTH, reason="invalid_auth")


def seen(**changes: Any) -> dict[str, Any]:
    connections = dict(observation().connections) | {PLACE: CHAT}
    return {"incident_class": incident_class(**ROW), "connections": connections} | changes


def begun(answers: Any = None, spec: Any = None, **changes: Any) -> Simulation:
    """An incident whose class has a channel for every severity."""
    return begun_with(answers, spec, **seen(**changes))


def channel(world: Simulation) -> Channel:
    found = world.status.resources.channel
    assert found is not None
    return found


def asked(world: Simulation) -> list[str]:
    """What the chat was asked for, in order."""
    return [effect.action for _, effect in world.asked]


def room(world: Simulation) -> Any:
    """The one room that there is."""
    (found,) = world.chat.rooms.values()
    return found


class TestMaking:
    def test_the_page_goes_first_and_the_channel_follows_the_record_that_claims_it(self):
        world = begun()
        assert paged(world) == [(0, "primary", "pagerduty")]
        assert asked(world) == ["create", "post", "describe"]
        assert (channel(world).state, channel(world).name, channel(world).external_id) == (
            "Ready",
            NAME,
            "C0",
        )
        assert kinds(world)[-1] == "ChannelReady"

    def test_a_topic_that_may_not_have_been_set_makes_no_post_uncertain(self):
        world = begun()
        answered = world.status
        (effect,) = [each for _, each in world.asked if each.action == "describe"]
        unknown = Outcome(effect, Result.UNKNOWN, time=world.now, reason="Timeout")
        found = record(answered, [unknown], world.now).resources.channel
        assert found is not None
        assert not found.uncertain

    def test_its_whole_life_costs_two_writes_more(self):
        def lived(world: Simulation) -> int:
            world.change(**ACKNOWLEDGED)
            said(world, "Resolved")
            passed(world, "2h")
            assert world.status.phase == "Closed"
            return world.writes

        without = begun_with(incident_class=incident_class(postmortem={"policy": "Optional"}))
        assert lived(begun()) - lived(without) == 2

    def test_until_it_closes_one_write_more(self):
        world = begun()
        assert world.writes == 2
        world.change(**ACKNOWLEDGED)
        said(world, "Resolved")
        assert world.writes == 4
        assert room(world).text.count("\n") > 0
        assert "resolved" in room(world).text.lower()

    def test_a_severity_without_channel_has_none(self):
        rows = incident_class().spec.severities
        with_channel = incident_class(**ROW).spec.severities
        spec = incident_class().spec.model_copy(update={"severities": (with_channel[0], *rows[1:])})
        world = begun(
            spec={"severity": "SEV-2"}, incident_class=incident_class().model_copy(update={"spec": spec})
        )
        assert world.status.resources.channel is None
        world.change(severity="SEV-1", setBy={"declaration": "ana", "severity": "bo"})
        assert channel(world).state == "Ready"
        world.change(severity="SEV-2", setBy={"declaration": "ana", "severity": "bo"})
        assert channel(world).state == "Ready", "a fall takes nothing away"

    @pytest.mark.parametrize("mode", ["Drill", "Backfill"])
    def test_what_is_not_live_makes_none(self, mode: str):
        assert begun(spec={"mode": mode}).status.resources.channel is None

    def test_an_incident_without_policy_has_a_room_all_the_same(self):
        world = begun(policies={}, default_policy=None)
        assert world.status.phase == "Pending"
        assert channel(world).state == "Ready"

    def test_a_name_that_somebody_else_has_gives_way_to_one_with_the_uid(self):
        world = begun(answers={"slack": DOWN})
        world.chat.taken(NAME)
        world.answers["slack"] = OK
        passed(world, "5s")
        assert channel(world).name == f"{NAME}-{UID[:4]}"
        assert len(world.chat.rooms) == 2


class TestOnce:
    """Rule 15, and the protocol of what is named: whatever is lost, there is never a second one."""

    def test_a_lost_answer_is_followed_by_adopting_what_was_made(self):
        world = begun(answers={"slack": TIMEOUT})
        passed(world, "10s")
        assert (channel(world).uncertain, channel(world).state) == (True, "Pending")
        world.answers["slack"] = OK
        passed(world, "5s")
        assert (channel(world).state, channel(world).external_id) == ("Ready", "C0")
        assert room(world).owner == UID

    def test_rule_15_an_unmarked_channel_is_not_adopted_where_another_incident_claims_its_name(self):
        world = begun(answers={"slack": TIMEOUT})
        passed(world, "10s")
        world.answers["slack"] = OK
        world.alter(channel_claims={(PLACE, NAME): frozenset({UID, "another"})})
        passed(world, "5s")
        assert channel(world).name == f"{NAME}-{UID[:4]}"

    def test_rule_15_an_unmarked_channel_of_its_own_other_name_is_adopted(self):
        world = Simulation(observation(**seen()), answers={"slack": TIMEOUT})
        world.chat.taken(NAME)
        world.alter(channel_claims={(PLACE, NAME): frozenset({UID, "another"})})
        world.answers["slack"] = OK
        passed(world, "15s")
        assert (channel(world).state, channel(world).name) == ("Ready", f"{NAME}-{UID[:4]}")
        assert len(world.chat.rooms) == 2

    def test_rule_15_an_unmarked_channel_is_not_adopted_where_no_answer_was_lost(self):
        world = begun(answers={"slack": DOWN})
        world.chat.taken(NAME)
        world.chat.rooms["C0"].is_marked = False
        world.answers["slack"] = OK
        passed(world, "5s")
        assert channel(world).name == f"{NAME}-{UID[:4]}"

    @pytest.mark.parametrize("cut", list(Cut))
    def test_a_crash_anywhere_makes_no_second_one_and_repeats_no_post(self, cut: Cut):
        for step in range(4):
            world = Simulation(observation(**seen()))
            acts = [
                lambda w: w.react(),
                lambda w: w.change(**ACKNOWLEDGED),
                lambda w: said(w, "Resolved"),
                lambda w: passed(w, "2h"),
            ]
            for at, act in enumerate(acts):
                world.cut = cut if at == step else None
                act(world)
                if not world.alive:
                    world.start()
                    passed(world, "30s")
            assert len(world.chat.rooms) == 1
            assert world.chat.repeated == []
            assert room(world).is_archived
            assert (channel(world).archived, channel(world).posted) == (True, announce.due(world.status))

    def test_another_process_waits_one_deadline_before_it_takes_a_claim_over(self):
        world = Simulation(observation(**seen()), cut=Cut.AFTER_RECORD)
        world.react()
        world.start()
        assert asked(world) == []
        passed(world, "9s")
        assert asked(world) == []
        passed(world, "1s")
        assert asked(world)[0] == "create"
        (create,) = [e for _, e in world.asked if isinstance(e, CreateChannel)]
        assert create.channel.uncertain
        assert create.may_adopt == (create.channel.name, create.other_name)

    def test_while_the_api_server_is_gone_nothing_is_claimed_and_nothing_is_made(self):
        world = Simulation(observation(**seen()))
        world.lose_sight()
        passed(world, "1m")
        assert asked(world) == []
        world.see_again()
        assert asked(world)[0] == "create"

    def test_a_late_outcome_takes_no_claim_away_that_another_process_made_since(self):
        world = begun()
        world.change(**ACKNOWLEDGED)
        late = [outcome for outcome in world._in_hand if outcome.effect.action == "post"]
        theirs = Claim(by="operator-2", time=world.now)
        taken = channel(world).model_copy(update={"claim": theirs, "posting": 9, "uncertain": True})
        found = record(with_channel(world.stored, taken), late, world.now).resources.channel
        assert found is not None
        assert (found.claim, found.uncertain, found.posting) == (theirs, True, 9)
        refused = [replace(outcome, result=Result.UNKNOWN) for outcome in late]
        found = record(with_channel(world.stored, taken), refused, world.now).resources.channel
        assert found is not None
        assert (found.claim, found.uncertain) == (theirs, True)

    @pytest.mark.parametrize("result", [each for each in Result if each != Result.OK])
    def test_what_was_made_stays_made_whatever_another_attempt_says(self, result: Result):
        world = begun()
        (create,) = [effect for _, effect in world.asked if isinstance(effect, CreateChannel)]
        late = [Outcome(create, result, world.now)]
        assert record(world.stored, late, world.now) == world.stored

    @pytest.mark.parametrize(("result", "before"), [(Result.OK, True), (Result.UNKNOWN, False)])
    def test_what_needs_no_claim_says_nothing_of_a_post(self, result: Result, before: bool):
        world = begun()
        (describe,) = [effect for _, effect in world.asked if isinstance(effect, DescribeChannel)]
        changes = {"claim": None, "uncertain": before, "since_time": world.now}
        status = with_channel(world.stored, channel(world).model_copy(update=changes))
        found = record(status, [Outcome(describe, result, world.now)], world.now).resources.channel
        assert found is not None
        assert (found.uncertain, found.since_time) == (before, world.now)

    def test_a_topic_that_is_set_while_a_transition_comes_costs_no_write_more(self):
        world = begun(answers={"slack": OK})
        world.answers["slack"] = TIMEOUT
        world.change(title="Payments fail")
        before = world.writes
        world.change(**ACKNOWLEDGED)
        assert world.writes == before + 1
        assert channel(world).claim is not None, "the post is claimed, and waits for the topic's answer"


class TestTelling:
    def test_the_declaration_says_what_is_wrong_where_and_how_to_take_it(self):
        text = room(begun(spec={"summary": "Cards are refused."})).text
        assert text.startswith(
            "SEV-1: Checkout returns 500\nIncident checkout-500s in namespace shop, declared by ana."
        )
        assert "Cards are refused." in text
        assert "kubectl -n shop patch incident checkout-500s" in text

    def test_each_transition_is_told_once(self):
        world = begun()
        world.change(**ACKNOWLEDGED)
        said(world, "Mitigated", "rolled back")
        said(world, "Resolved", "all green")
        assert world.chat.repeated == []
        told = [text for _, text in room(world).posts]
        assert len(told) == 4
        for text, words in zip(told, ("SEV-1", "ana acknowledged", "rolled back", "all green"), strict=True):
            assert words in text

    def test_the_topic_follows_severity_and_title(self):
        world = begun(spec={"severity": "SEV-2"})
        assert room(world).topic == "SEV-2 | Checkout returns 500 | shop/checkout-500s"
        world.change(title="Payments fail", severity="SEV-1", setBy={"declaration": "ana", "severity": "bo"})
        assert room(world).topic == "SEV-1 | Payments fail | shop/checkout-500s"
        world.change(title="x" * 200)
        assert len(room(world).topic) <= announce.TOPIC_LENGTH

    def test_a_post_that_is_refused_is_made_later_with_what_came_since(self):
        world = begun()
        world.answers["slack"] = DOWN
        world.change(**ACKNOWLEDGED)
        said(world, "Mitigated")
        world.answers["slack"] = OK
        passed(world, "1m")
        assert channel(world).posted == announce.due(world.status)
        assert "said Mitigated" in room(world).posts[-1][1]

    def test_a_late_channel_tells_what_happened_before(self):
        world = begun(answers={"slack": DOWN})
        world.change(**ACKNOWLEDGED)
        world.answers["slack"] = OK
        passed(world, "1m")
        ((_, text),) = room(world).posts
        assert text.startswith("SEV-1: Checkout returns 500")
        assert "ana acknowledged" in text

    def test_it_is_archived_once_the_incident_is_over_and_all_is_told(self):
        world = begun()
        said(world, "Resolved")
        assert not room(world).is_archived, "it may be reopened"
        passed(world, "1h")
        assert room(world).is_archived
        assert "reopen window is over" in room(world).text
        assert asked(world)[-2:] == ["post", "archive"]

    def test_a_channel_that_is_gone_is_not_made_again(self):
        world = begun()
        world.answers["slack"] = Answer(Result.CONFLICT, reason="channel_not_found")
        world.change(**ACKNOWLEDGED)
        assert (channel(world).state, channel(world).reason) == ("Failed", "channel_not_found")
        before = len(world.asked)
        said(world, "Resolved")
        passed(world, "2h")
        assert len(world.asked) == before


class TestTrouble:
    @pytest.mark.parametrize("answer", [DOWN, BAD_TOKEN, TIMEOUT, Answer(Result.PERMANENT)])
    def test_a_failing_chat_changes_nothing_about_the_pages(self, answer: Answer):
        def pages(world: Simulation) -> list[Any]:
            passed(world, "6m")
            world.change(**ACKNOWLEDGED)
            return [(sent.time, sent.effect.action, sent.key) for sent in world.sent]

        assert pages(begun(answers={"slack": answer})) == pages(begun_with())

    def test_it_is_named_meanwhile_and_heals_by_itself(self):
        world = begun(answers={"slack": DOWN})
        degraded = condition(world, "Degraded")
        assert (degraded.status, degraded.reason) == ("True", "ConnectionFailing")
        assert degraded.message.startswith(
            f"channel {NAME}: connection incident-platform/slack fails (HTTP503)"
        )
        passed(world, "20m")
        world.answers["slack"] = OK
        passed(world, "5m")
        assert condition(world, "Degraded").status == "False"
        assert (channel(world).state, channel(world).reason, channel(world).attempts) == ("Ready", "", 0)

    def test_the_waits_grow_to_five_minutes(self):
        world = begun(answers={"slack": DOWN})
        passed(world, "30m")
        times = [time for time, _ in world.asked]
        waits = [int((b - a).total_seconds()) for a, b in pairwise(times)]
        assert waits[:9] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
        assert set(waits[9:]) == {300}

    def test_what_only_people_can_change_is_tried_again_slowly(self):
        world = begun(answers={"slack": BAD_TOKEN})
        assert channel(world).state == "Failed"
        passed(world, "59s")
        assert len(world.asked) == 1
        passed(world, "1s")
        assert len(world.asked) == 2
        assert timedelta(seconds=60) == REFUSED_FOR

    def test_the_vendors_wait_is_kept(self):
        world = begun(answers={"slack": Answer(Result.RETRY, timedelta(seconds=30), "ratelimited")})
        passed(world, "29s")
        assert len(world.asked) == 1

    @pytest.mark.parametrize(
        ("facts", "reason", "words"),
        [
            (None, "RefNotFound", "connection incident-platform/slack is not there; create it"),
            (
                replace(CHAT, allowed_classes=()),
                "RefNotPermitted",
                "must list service in its spec.allowedClasses",
            ),
            (UNKEYED, "InvalidSpec", "makes no channels"),
        ],
    )
    def test_a_connection_that_cannot_be_used_is_named_and_used_once_it_can(
        self, facts: ConnectionFacts | None, reason: str, words: str
    ):
        others = {key: value for key, value in seen()["connections"].items() if key != PLACE}
        world = begun(connections=others | ({PLACE: facts} if facts else {}))
        assert asked(world) == []
        assert (channel(world).state, channel(world).reason) == ("Pending", reason)
        assert words in channel(world).message
        assert words in condition(world, "Degraded").message
        world.alter(connections=others | {PLACE: CHAT})
        assert channel(world).state == "Ready"
        assert condition(world, "Degraded").status == "False"

    def test_a_topic_that_is_refused_holds_up_no_post(self):
        world = begun(answers={"slack": DOWN})
        assert world.status.resources.channel is not None
        refusing = channel(begun()).model_copy(
            update={"described": "", "failing": "Describe", "attempts": 3, "reason": "missing_scope"}
        )
        world = begun()
        world.stored = world.stored.model_copy(
            update={"resources": world.stored.resources.model_copy(update={"channel": refusing})}
        )
        world.change(**ACKNOWLEDGED)
        assert "ana acknowledged" in room(world).text

    def test_an_incident_that_ends_before_its_channel_could_be_made_has_none(self):
        world = begun(answers={"slack": DOWN})
        said(world, "Cancelled")
        passed(world, "1h")
        assert world.status.resources.channel is None
        assert len(world.asked) == 1

    def test_what_may_have_been_made_is_found_and_archived_after_the_end(self):
        world = begun(answers={"slack": TIMEOUT})
        said(world, "Cancelled")
        passed(world, "10s")
        world.answers["slack"] = OK
        passed(world, "1m")
        assert room(world).is_archived

    def test_last_words_that_cannot_be_said_do_not_keep_it_open(self):
        world = begun()
        said(world, "Cancelled")
        stuck = channel(world).model_copy(
            update={"archived": False, "posted": 1, "failing": "Post", "attempts": 10, "claim": None}
        )
        world.stored = world.stored.model_copy(
            update={"resources": world.stored.resources.model_copy(update={"channel": stuck})}
        )
        world.react()
        assert asked(world)[-1] == "archive"
        assert channel(world).archived
