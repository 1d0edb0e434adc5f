"""Feature flags: the value of before is kept, what was set is read back, nobody else's value is touched."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.core.steps.driving import RUN, drive, refused, step
from watchbill.api.connection import SecretKeyRef
from watchbill.core.outcomes import Result
from watchbill.core.steps.contract import HttpRequest
from watchbill.core.steps.flag import FlagKind
from watchbill.core.steps.rendering import Scope, rendered

KIND = FlagKind()
SECRET = {"name": "flags", "key": "token"}
AT = {
    "project": "default",
    "environment": "production",
    "feature": "new-checkout",
    "authorizationSecretRef": SECRET,
}
UNLEASH = step(flag={"unleash": {"baseURL": "https://flags.example.com/", "enabled": False, **AT}})
DARKLY = step(flag={"launchDarkly": {**AT, "project": "shop", "enabled": False}})
URL = "https://flags.example.com/api/admin/projects/default/features/new-checkout/environments/production"


def unleash_is(enabled: Any) -> dict[str, Any]:
    return {"name": "production", "enabled": enabled, "strategies": []}


def darkly_is(on: Any) -> dict[str, Any]:
    return {"key": "new-checkout", "environments": {"production": {"on": on, "version": 7}}}


SERVICES = [
    pytest.param(UNLEASH, unleash_is, id="unleash"),
    pytest.param(DARKLY, darkly_is, id="launchDarkly"),
]


def planned(body, answer):
    return drive(KIND.plan(body, RUN), answer)


@pytest.mark.parametrize(("body", "as_it_is"), SERVICES)
class TestAFlagOfAService:
    def test_is_planned_by_reading_it(self, body, as_it_is):
        plan, asked = planned(body, (200, as_it_is(True)))
        assert [each.method for each in asked] == ["GET"]
        assert plan.summary.startswith("turn off flag new-checkout of ")
        assert (plan.diff, plan.previous) == (("enabled: true -> false",), '{"enabled": true}')
        assert plan.debt == plan.summary

    @pytest.mark.parametrize(("status", "forbidden"), [(401, True), (403, True), (404, False)])
    def test_that_cannot_be_read_says_what_that_means(self, body, as_it_is, status, forbidden):
        plan, _ = planned(body, (status, {"message": "who wrote this"}))
        assert (plan.forbidden, plan.requests) == (forbidden, ())
        assert f"HTTP {status}: " in plan.denied
        assert "who wrote this" not in plan.denied

    @pytest.mark.parametrize("answer", [None, [], {}, {"environments": {"production": "on"}}])
    def test_that_is_neither_on_nor_off_is_left_alone(self, body, as_it_is, answer):
        assert planned(body, (200, answer))[0].denied.endswith("does not say whether it is on")
        assert planned(body, (200, as_it_is("yes")))[0].denied.endswith("does not say whether it is on")

    def test_is_set_and_read_back(self, body, as_it_is):
        plan, _ = planned(body, (200, as_it_is(True)))
        result, asked = drive(KIND.act(body, RUN, plan), (200, None), (200, as_it_is(False)))
        assert [each.is_read for each in asked] == [False, True]
        assert (result.result, result.pending, result.undo) == (Result.OK, False, '{"enabled": true}')

    def test_that_does_not_read_so_yet_is_looked_at_again(self, body, as_it_is):
        plan, _ = planned(body, (200, as_it_is(True)))
        result, _ = drive(KIND.act(body, RUN, plan), (200, None), (200, as_it_is(True)))
        assert (result.pending, result.undo) == (True, '{"enabled": true}')
        assert drive(KIND.follow(body, RUN, result.handle), (503, None))[0].pending
        assert not drive(KIND.follow(body, RUN, result.handle), (200, as_it_is(False)))[0].pending

    @pytest.mark.parametrize(
        ("answers", "result"),
        [
            ([(403, None)], Result.AUTH),
            ([(405, None)], Result.PERMANENT),
            ([(409, None)], Result.CONFLICT),
            ([(429, None)], Result.RETRY),
            ([None, "off", "off"], Result.OK),
            ([(502, None), "on", (200, None), "off"], Result.OK),
            ([None, "on", None, "on"], Result.UNKNOWN),
            ([None, None, None, None], Result.UNKNOWN),
        ],
    )
    def test_is_known_by_its_answer_or_by_its_value(self, body, as_it_is, answers, result):
        plan, _ = planned(body, (200, as_it_is(True)))
        given = [(200, as_it_is(each == "on")) if isinstance(each, str) else each for each in answers]
        assert drive(KIND.act(body, RUN, plan), *given)[0].result == result

    def test_is_set_to_what_it_was(self, body, as_it_is):
        undo = '{"enabled": true}'
        result, asked = drive(KIND.restored(body, RUN, undo), (200, as_it_is(False)), (200, None))
        assert (result.result, len(asked)) == (Result.OK, 2)
        assert not asked[1].is_read

    def test_that_was_off_before_is_not_turned_on(self, body, as_it_is):
        plan, _ = planned(body, (200, as_it_is(False)))
        assert plan.diff == ()
        result, asked = drive(KIND.restored(body, RUN, plan.previous), (200, as_it_is(False)))
        assert (result.result, [each.is_read for each in asked]) == (Result.OK, [True])

    def test_that_is_gone_is_left_alone(self, body, as_it_is):
        assert drive(KIND.restored(body, RUN, '{"enabled": true}'), (404, None))[0].reason == "ChangedSince"


class TestTheRequests:
    def test_of_unleash(self):
        plan, (read,) = planned(UNLEASH, (200, unleash_is(True)))
        secret = SecretKeyRef.model_validate(SECRET)
        assert read == HttpRequest("GET", URL, authorization=secret)
        assert plan.requests == (HttpRequest("POST", f"{URL}/off", authorization=secret),)

    def test_of_launch_darkly(self):
        plan, (read,) = planned(DARKLY, (200, darkly_is(True)))
        url = "https://app.launchdarkly.com/api/v2/flags/shop/new-checkout"
        (write,) = plan.requests
        assert (read.url, write.method, write.url) == (f"{url}?env=production", "PATCH", url)
        assert dict(write.headers)["Content-Type"].endswith("domain-model=launchdarkly.semanticpatch")
        assert json.loads(write.body) == {
            "environmentKey": "production",
            "comment": "Watchbill: run shop/run-1",
            "instructions": [{"kind": "turnFlagOff"}],
        }

    def test_of_a_base_that_a_parameter_is_part_of_go_no_further_than_that_part(self):
        base = "https://flags.example.com/{{parameters.team}}"
        body = rendered(
            step(flag={"unleash": {"baseURL": base, "enabled": True, **AT}}), Scope({"team": "../a?b"})
        )
        _, (read,) = planned(body, (404, None))
        assert read.url.startswith("https://flags.example.com/..%2Fa%3Fb/api/admin/projects/default/")

    @pytest.mark.parametrize("name", ["..", ".", "a/b", "a?b", "a b", "%2e", "a#"])
    def test_go_nowhere_for_what_is_no_name(self, name):
        for vendor in ("unleash", "launchDarkly"):
            for field in ("project", "environment", "feature"):
                body = {"baseURL": "https://flags.example.com", "enabled": True, **AT, field: name}
                plan, asked = drive(KIND.plan(step(flag={vendor: body}), RUN))
                assert (plan.denied, asked) == (f"{name!r} is no name of a project, environment or flag", [])


FLAG: dict[str, Any] = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"}
FILE: dict[str, Any] = {
    "$schema": "https://flagd.dev/schema/v0/flags.json",
    "flags": {"new-checkout": FLAG, "other": FLAG},
}


def config(file: Any = FILE, version: str = "7", **text: str) -> dict[str, Any]:
    data = {"flags.json": json.dumps(file, indent=2) + "\n"} | text
    metadata = {"name": "flags", "resourceVersion": version}
    return {"kind": "ConfigMap", "metadata": metadata, "data": data}


def with_flag(**changes: Any) -> dict[str, Any]:
    return FILE | {"flags": FILE["flags"] | {"new-checkout": FLAG | changes}}


def in_file(**changes: Any):
    ref = {"name": "flags", "key": "flags.json"}
    return step(flag={"flagd": {"configMapKeyRef": ref, "feature": "new-checkout", **changes}})


OFF = in_file(defaultVariant="off")
NOW_OFF = config(with_flag(defaultVariant="off"), "8")


class TestAFlagInAFile:
    def plan(self, body=OFF, *answers):
        return drive(KIND.plan(body, RUN), *(answers or ((200, config()), (200, NOW_OFF))))

    def test_is_foretold_by_a_dry_run(self):
        plan, asked = self.plan()
        assert [(each.verb, each.dry_run) for each in asked] == [("get", False), ("patch", True)]
        assert plan.diff == ('data.flags.json.flags.new-checkout.defaultVariant: "on" -> "off"',)
        assert plan.previous == '{"defaultVariant": "on"}'

    def test_is_all_of_the_file_that_changes(self):
        (write,) = self.plan()[0].requests
        assert json.loads(write.body) == {"data": NOW_OFF["data"]}

    @pytest.mark.parametrize("text", ['{"flags":{"new-checkout":%s}}', '{\n\t"flags": {"new-checkout":%s}}'])
    def test_may_be_in_a_file_of_any_layout(self, text):
        body = config(**{"flags.json": text % json.dumps(FLAG)})
        (write,) = self.plan(OFF, (200, body), (200, body))[0].requests
        written = json.loads(write.body)["data"]["flags.json"]
        assert json.loads(written) == {"flags": {"new-checkout": FLAG | {"defaultVariant": "off"}}}
        assert ("\n\t" in written) == ("\n\t" in text)

    def test_may_be_one_of_a_list(self):
        listed = {"flags": [{"key": "other", **FLAG}, {"key": "new-checkout", **FLAG}]}
        (write,) = self.plan(OFF, (200, config(listed)), (200, config(listed)))[0].requests
        other, flag = json.loads(json.loads(write.body)["data"]["flags.json"])["flags"]
        assert (other["defaultVariant"], flag["defaultVariant"]) == ("on", "off")

    @pytest.mark.parametrize(
        ("found", "said"),
        [
            (config(**{"flags.json": "flags: {}"}), "what is under the key flags.json is no JSON"),
            (config([]), "what is under the key flags.json is no file of flags"),
            (config({"flags": {}}), "there is no flag new-checkout"),
            ({"kind": "ConfigMap"}, "there is no key flags.json"),
            (config(with_flag(variants={"on": True})), "flag new-checkout has no variant off"),
        ],
    )
    def test_that_is_not_there_or_has_no_such_variant_is_left_alone(self, found, said):
        assert self.plan(OFF, (200, found))[0].denied == said

    def test_that_is_out_of_scope_is_left_alone(self):
        ref = {"name": "flags", "key": "flags.json", "namespace": "b"}
        plan, asked = drive(KIND.plan(in_file(configMapKeyRef=ref, state="DISABLED"), RUN))
        assert ("namespace b is not in" in plan.denied, asked) == (True, [])
        plan, _ = drive(KIND.plan(OFF, replace(RUN, selector="runbooks=allowed")), (200, config()))
        assert "has not the label" in plan.denied

    def test_is_refused_for_another_version_of_the_file(self):
        result, (write,) = drive(KIND.act(OFF, RUN, self.plan()[0]), (409, refused("modified")))
        assert json.loads(write.body)["metadata"] == {"resourceVersion": "7"}
        assert result.result == Result.CONFLICT

    def test_is_read_back(self):
        result, _ = drive(KIND.act(OFF, RUN, self.plan()[0]), (200, NOW_OFF), (200, NOW_OFF))
        assert (result.pending, result.undo) == (False, '{"defaultVariant": "on"}')

    def test_is_set_back_whatever_became_of_the_others(self):
        now = with_flag(defaultVariant="off")
        now["flags"]["other"] = FLAG | {"defaultVariant": "off"}
        undo = self.plan()[0].previous
        result, (_, write) = drive(KIND.restored(OFF, RUN, undo), (200, config(now, "9")), (200, config()))
        assert result.result == Result.OK
        sent = json.loads(write.body)
        flags = json.loads(sent["data"]["flags.json"])["flags"]
        assert sent["metadata"] == {"resourceVersion": "9"}
        assert [each["defaultVariant"] for each in flags.values()] == ["on", "off"]

    def test_that_somebody_changed_since_is_left_alone(self):
        now = config(with_flag(defaultVariant="third"))
        result, asked = drive(KIND.restored(OFF, RUN, self.plan()[0].previous), (200, now))
        assert (result.reason, len(asked)) == ("ChangedSince", 1)
        assert result.message.endswith('somebody has changed it since, to {"defaultVariant": "third"}')

    def test_has_a_field_no_more_that_it_had_not_before(self):
        without = {name: value for name, value in FLAG.items() if name != "state"}
        before = config({"flags": {"new-checkout": without}})
        now = config({"flags": {"new-checkout": without | {"state": "DISABLED"}}})
        body = in_file(state="DISABLED")
        plan, _ = self.plan(body, (200, before), (200, now))
        _, (_, write) = drive(KIND.restored(body, RUN, plan.previous), (200, now), (200, before))
        assert json.loads(write.body)["data"] == before["data"]
