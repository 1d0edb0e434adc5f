"""Shifts of traffic: weights alone change, are read back, and go back if nobody has changed them since."""

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.core.steps.driving import RUN, drive, refused, step
from watchbill.core.outcomes import Result
from watchbill.core.steps.traffic import TrafficKind

KIND = TrafficKind()
TARGET = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "name": "checkout"}
FENCE = {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}


def backend(name: str, weight: int | None = None) -> dict[str, Any]:
    return {"name": name, "port": 80} | ({} if weight is None else {"weight": weight})


def route(*weights: int, version: str = "7") -> dict[str, Any]:
    """A route whose second rule shares traffic among v1, v2 and so on."""
    backends = [backend(f"v{at}", weight) for at, weight in enumerate(weights, 1)]
    rules = [{"backendRefs": [backend("v1")]}, {"name": "all", "timeouts": {}, "backendRefs": backends}]
    return {
        "kind": "HTTPRoute",
        "metadata": {"name": "checkout", "resourceVersion": version},
        "spec": {"rules": rules},
    }


def shift(rule: dict[str, Any] | None = None, **weights: int):
    wanted = [{"name": name, "weight": weight} for name, weight in weights.items()]
    rule = {"ruleName": "all"} if rule is None else rule
    return step(traffic={"targetRef": TARGET, **rule, "weights": wanted})


BEFORE, AFTER = route(100, 0), route(0, 100, version="8")
BODY = shift(v1=0, v2=100)


def planned(body=BODY, *answers):
    return drive(KIND.plan(body, RUN), *(answers or ((200, BEFORE), (200, AFTER))))


class TestThePlan:
    def test_is_a_dry_run_of_the_weights_alone(self):
        plan, asked = planned()
        assert [(each.verb, each.dry_run) for each in asked] == [("get", False), ("patch", True)]
        assert json.loads(plan.requests[0].body) == [
            {"op": "test", "path": "/spec/rules/1/backendRefs/0/name", "value": "v1"},
            {"op": "add", "path": "/spec/rules/1/backendRefs/0/weight", "value": 0},
            {"op": "test", "path": "/spec/rules/1/backendRefs/1/name", "value": "v2"},
            {"op": "add", "path": "/spec/rules/1/backendRefs/1/weight", "value": 100},
        ]
        assert plan.diff == (
            "spec.rules[1].backendRefs[0].weight: 100 -> 0",
            "spec.rules[1].backendRefs[1].weight: 0 -> 100",
        )
        assert (plan.summary, plan.debt) == ("shift traffic of HTTPRoute checkout",) * 2

    def test_has_the_same_hash_for_another_version_of_the_route(self):
        other = route(100, 0, version="70")
        assert planned()[0].hash == planned(BODY, (200, other), (200, AFTER))[0].hash

    def test_has_another_hash_for_other_weights_before(self):
        assert planned()[0].hash != planned(BODY, (200, route(90, 10)), (200, AFTER))[0].hash

    def test_takes_a_weight_that_is_not_there_for_1(self):
        before = route(100, 0)
        del before["spec"]["rules"][1]["backendRefs"][1]["weight"]
        assert json.loads(planned(BODY, (200, before), (200, AFTER))[0].previous) == {"v1": 100, "v2": 1}

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (shift({"ruleName": "some"}, v1=0), "there is no rule some"),
            (shift({"ruleIndex": 2}, v1=0), "there is no spec.rules[2]"),
            (shift({}, v1=0), "there are 2 rules: say ruleName or ruleIndex"),
            (shift(v9=1), "spec.rules[1] names the backend v9 0 times, and must name it once"),
            (shift(v1=0), "every weight of the rule would be 0: no backend would take traffic"),
        ],
    )
    def test_of_what_cannot_be_says_so(self, body, said):
        plan, _ = planned(body, (200, BEFORE))
        assert (plan.denied, plan.requests) == (said, ())

    def test_of_a_backend_that_is_named_twice_says_so(self):
        before = route(100, 0)
        before["spec"]["rules"][1]["backendRefs"].append(backend("v1"))
        assert "names the backend v1 2 times" in planned(BODY, (200, before))[0].denied

    @pytest.mark.parametrize("rule", [{"ruleIndex": 0}, {}])
    def test_finds_a_rule_by_its_place_or_by_being_alone(self, rule):
        before = route(100, 0)
        del before["spec"]["rules"][0]
        plan, _ = planned(shift(rule, v1=0, v2=100), (200, before), (200, before))
        assert "/spec/rules/0/backendRefs/0/weight" in plan.requests[0].body

    def test_leaves_alone_what_is_out_of_scope(self):
        elsewhere = step(
            traffic={"targetRef": TARGET | {"namespace": "b"}, "weights": [{"name": "a", "weight": 1}]}
        )
        assert "namespace b is not in spec.scope.namespaces" in drive(KIND.plan(elsewhere, RUN))[0].denied
        plan, _ = drive(KIND.plan(BODY, replace(RUN, selector="runbooks=allowed")), (200, BEFORE))
        assert "has not the label runbooks=allowed" in plan.denied

    @pytest.mark.parametrize(("status", "forbidden"), [(403, True), (422, False), (404, False)])
    def test_tells_what_refuses_it(self, status, forbidden):
        plan, _ = planned(BODY, (200, BEFORE), (status, refused("no")))
        assert (plan.denied, plan.forbidden) == ("no", forbidden)


class TestTheShift:
    def act(self, *answers):
        return drive(KIND.act(BODY, RUN, planned()[0]), *answers)

    def test_is_refused_for_another_version_of_the_route(self):
        result, (request,) = self.act((409, refused("modified")))
        assert json.loads(request.body)[0] == FENCE
        assert result.result == Result.CONFLICT

    def test_is_done_when_it_reads_so(self):
        result, asked = self.act((200, AFTER), (200, AFTER))
        assert [each.verb for each in asked] == ["patch", "get"]
        assert (result.result, result.pending) == (Result.OK, False)
        assert json.loads(result.undo) == {"v1": 100, "v2": 0}

    def test_is_under_way_while_it_does_not(self):
        result, _ = self.act((200, AFTER), (200, BEFORE))
        assert (result.pending, bool(result.undo)) == (True, True)
        assert drive(KIND.follow(BODY, RUN, result.handle), (200, BEFORE))[0].pending
        assert drive(KIND.follow(BODY, RUN, result.handle), None)[0].pending
        assert not drive(KIND.follow(BODY, RUN, result.handle), (200, AFTER))[0].pending

    @pytest.mark.parametrize(
        ("answer", "result"),
        [((403, None), Result.AUTH), ((422, None), Result.PERMANENT), ((429, None), Result.RETRY)],
    )
    def test_that_is_refused_is_not_done(self, answer, result):
        assert self.act(answer)[0].result == result

    @pytest.mark.parametrize(
        ("answers", "result"),
        [
            ([None, (200, AFTER), (200, AFTER)], Result.OK),
            ([None, (200, BEFORE), (200, AFTER), (200, AFTER)], Result.OK),
            ([None, (200, BEFORE), (409, None), (200, AFTER), (200, AFTER)], Result.OK),
            ([None, (200, BEFORE), (409, None), (200, BEFORE)], Result.UNKNOWN),
            ([(500, None), None, None, None], Result.UNKNOWN),
        ],
    )
    def test_without_an_answer_is_looked_at_and_sent_once_more(self, answers, result):
        found, asked = self.act(*answers)
        assert found.result == result
        assert len({each.body for each in asked if each.verb == "patch"}) == 1


class TestTakingBack:
    UNDO = '{"v1": 100, "v2": 0}'

    def undone(self, *answers):
        return drive(KIND.restored(BODY, RUN, self.UNDO), *answers)

    def test_sets_the_weights_to_what_they_were_whatever_else_has_changed(self):
        now = copy.deepcopy(AFTER)
        now["spec"]["rules"].insert(0, {"backendRefs": []})
        result, asked = self.undone((200, now), (200, BEFORE))
        assert (result.result, result.output) == (Result.OK, "taken back")
        fence, *operations = json.loads(asked[1].body)
        assert fence["value"] == "8"
        assert [each["value"] for each in operations if each["op"] == "add"] == [100, 0]
        assert operations[0]["path"] == "/spec/rules/2/backendRefs/0/name"

    def test_leaves_alone_what_somebody_changed_since(self):
        result, asked = self.undone((200, route(50, 50)))
        assert (result.result, result.reason) == (Result.PERMANENT, "ChangedSince")
        assert result.message == (
            'it is left as it is: somebody has changed it since, to {"v1": 50, "v2": 50}'
        )
        assert [each.verb for each in asked] == ["get"]

    def test_is_nothing_where_somebody_has_taken_it_back(self):
        assert self.undone((200, BEFORE))[0].result == Result.OK

    @pytest.mark.parametrize("answer", [(404, None), (200, {"spec": {"rules": []}})])
    def test_leaves_alone_what_is_gone(self, answer):
        assert self.undone(answer)[0].reason == "ChangedSince"

    @pytest.mark.parametrize(
        ("answers", "result"),
        [
            ([None], Result.RETRY),
            ([(200, AFTER), (409, None)], Result.CONFLICT),
            ([(200, AFTER), None, (200, BEFORE)], Result.OK),
            ([(200, AFTER), None, (200, AFTER), None, None], Result.UNKNOWN),
        ],
    )
    def test_is_known_by_its_answer(self, answers, result):
        assert self.undone(*answers)[0].result == result
