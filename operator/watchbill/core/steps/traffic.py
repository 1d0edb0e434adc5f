"""Shifts traffic: sets weights of the backends of one rule of an HTTPRoute, and nothing else of it."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from watchbill.api.runbook import Step
from watchbill.api.traffic import Traffic
from watchbill.core.steps import targets
from watchbill.core.steps.contract import Answer, ApiRequest, HttpRequest, RunFacts
from watchbill.core.steps.setting import Json, Setting, SettingKind, Value

DEFAULT_WEIGHT = 1
"""As `BackendRef` of the Gateway API has it."""


class TrafficKind(SettingKind):
    """Other weights."""

    name = "traffic"

    def setting(self, step: Step, run: RunFacts) -> Setting | str:
        """The weights that the step names, if the route is within the runbook's scope."""
        assert step.traffic is not None
        place = targets.place(step.traffic.target_ref, run)
        return targets.out_of_scope(place, run) or Weights(step.traffic, run)


@dataclass(frozen=True)
class Weights:
    """The weights of some backends of one rule."""

    traffic: Traffic
    run: RunFacts

    @property
    def what(self) -> str:
        """Which route."""
        return f"shift traffic of HTTPRoute {self.traffic.target_ref.name}"

    @cached_property
    def wanted(self) -> Value:
        """The weight of each backend, by its name."""
        return {each.name: each.weight for each in self.traffic.weights}

    @property
    def reading(self) -> ApiRequest:
        """The route."""
        return targets.reading(self.traffic.target_ref, self.run)

    def found(self, body: Json) -> Value | str:
        """The weights as they are, or which of them cannot be told."""
        at = self._rule(body)
        if isinstance(at, str):
            return at
        backends = _backends(body, at)
        for name in self.wanted:
            times = sum(each["name"] == name for each in backends)
            if times != 1:
                return f"spec.rules[{at}] names the backend {name} {times} times, and must name it once"
        return {each["name"]: _weight(each) for each in backends if each["name"] in self.wanted}

    def refusal(self, body: Json) -> str:
        """A route on which no backend would take traffic answers every request with an error."""
        at = self._rule(body)
        assert isinstance(at, int)
        shares = [self.wanted.get(each["name"], _weight(each)) for each in _backends(body, at)]
        return targets.unsafe(body, self.run) or (
            "" if any(shares) else "every weight of the rule would be 0: no backend would take traffic"
        )

    def writing(self, body: Json, value: Value) -> HttpRequest | ApiRequest:
        """A patch of these weights alone, refused if another backend has taken the place of one."""
        at = self._rule(body)
        assert isinstance(at, int)
        operations: list[Json] = []
        for place, each in enumerate(_backends(body, at)):
            if each["name"] in value:
                path = f"/spec/rules/{at}/backendRefs/{place}"
                operations.append({"op": "test", "path": f"{path}/name", "value": each["name"]})
                operations.append({"op": "add", "path": f"{path}/weight", "value": value[each["name"]]})
        target = self.traffic.target_ref
        place_ = targets.place(target, self.run)
        text = json.dumps(operations, sort_keys=True)
        return ApiRequest("patch", target.api_version, target.kind, place_, target.name, body=text)

    def comparable(self, body: Json) -> Json:
        """The route itself."""
        return body

    def said(self, answer: Answer) -> str:
        """What the API server said."""
        return answer.message

    def _rule(self, body: Json) -> int | str:
        """The place of the rule, or why it is not known."""
        rules = body.get("spec", {}).get("rules") or []
        name, index = self.traffic.rule_name, self.traffic.rule_index
        if name is not None:
            index = next((at for at, each in enumerate(rules) if each.get("name") == name), None)
            return f"there is no rule {name}" if index is None else index
        if index is None:
            return 0 if len(rules) == 1 else f"there are {len(rules)} rules: say ruleName or ruleIndex"
        return index if index < len(rules) else f"there is no spec.rules[{index}]"


def _backends(body: Json, at: int) -> list[Any]:
    return list(body["spec"]["rules"][at].get("backendRefs") or [])


def _weight(backend: Json) -> int:
    return int(backend.get("weight", DEFAULT_WEIGHT))
