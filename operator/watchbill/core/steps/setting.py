"""Kinds that set one value which can be read back, and set it to what it was if nobody has changed it since.

Setting a value twice is as good as once. So where an answer is lost the value is read, and sent once more
where it is not there; nobody can tell only where that is not answered either (DESIGN, section 4: keyed).
"""

import json
from collections.abc import Generator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

from watchbill.api.runbook import Risk, Step
from watchbill.api.runbook_run_status import MAX_UNDO
from watchbill.core.outcomes import Result
from watchbill.core.steps.answers import NOT_FOUND, reason_of
from watchbill.core.steps.contract import (
    Answer,
    ApiRequest,
    HttpRequest,
    Planned,
    Planning,
    Request,
    RunFacts,
    StepResult,
    Talk,
)
from watchbill.core.steps.differences import differences
from watchbill.core.steps.reversing import parsed
from watchbill.core.steps.writing import conditioned

READ_BACK = "read back"
"""The handle of a value that was set and does not read so yet."""

Json = dict[str, Any]
Value = Mapping[str, Any]
Asking = Generator[Request, Answer, Answer]


class Setting(Protocol):
    """One value somewhere: how it is read, and how it is set."""

    @property
    def what(self) -> str:
        """What is done, in a few words."""
        ...

    @property
    def wanted(self) -> Value:
        """The value that is set."""
        ...

    @property
    def reading(self) -> ApiRequest | HttpRequest:
        """The request whose answer holds the value."""
        ...

    def found(self, body: Json) -> Value | str:
        """The value in an answer, or why there is none."""
        ...

    def refusal(self, body: Json) -> str:
        """Why the value must not be set as things are; empty where it may be."""
        ...

    def writing(self, body: Json, value: Value) -> ApiRequest | HttpRequest:
        """The request that sets the value, where this was the answer that held it."""
        ...

    def comparable(self, body: Json) -> Json:
        """An object of the API server, to be shown field by field."""
        ...

    def said(self, answer: Answer) -> str:
        """What an answer that is no success says to people."""
        ...


class SettingKind:
    """A kind that sets a value; its `setting` says which one, or what is wrong with the step."""

    name: str
    risk: Risk = "High"
    acts = True
    unknown_stops = True

    def setting(self, step: Step, run: RunFacts) -> Setting | str:
        """The value that the step sets, or why it must not be touched."""
        raise NotImplementedError

    def plan(self, step: Step, run: RunFacts) -> Planning:
        """What would change of the value as it is; the API server foretells it by a dry run."""
        setting = self.setting(step, run)
        if isinstance(setting, str):
            return Planned(self.name, denied=setting)
        answer = yield setting.reading
        if not answer.is_ok:
            return _denied(setting, answer)
        body = parsed(answer.body)
        before = setting.found(body)
        if isinstance(before, str):
            return Planned(setting.what, denied=before)
        if denied := setting.refusal(body):
            return Planned(setting.what, denied=denied)
        write = setting.writing(body, setting.wanted)
        diff = differences(dict(before), dict(setting.wanted))
        if isinstance(write, ApiRequest):
            answer = yield replace(write, dry_run=True)
            if not answer.is_ok:
                return _denied(setting, answer)
            diff = differences(setting.comparable(body), setting.comparable(parsed(answer.body)))
        previous = json.dumps(before, sort_keys=True)
        return Planned(
            setting.what,
            (write,),
            diff,
            debt=setting.what,
            precondition=_version(body),
            previous=previous if len(previous) <= MAX_UNDO else "",
        )

    def act(self, step: Step, run: RunFacts, planned: Planned) -> Talk:
        """The value is set, and read back; it is under way until it reads so."""
        setting = _sound(self.setting(step, run))
        (write,) = planned.requests
        answer = yield from _sent(setting, _fenced(write, planned.precondition), setting.wanted)
        if not answer.is_ok:
            return StepResult(answer.result, reason=reason_of(answer), message=setting.said(answer))
        done = StepResult(Result.OK, output="\n".join(planned.diff), undo=planned.previous)
        if (yield from _reads(setting, setting.wanted)):
            return done
        return replace(done, pending=True, handle=READ_BACK)

    def follow(self, step: Step, run: RunFacts, handle: str) -> Talk:
        """Whether the value reads as it was set by now."""
        setting = _sound(self.setting(step, run))
        if (yield from _reads(setting, setting.wanted)):
            return StepResult(Result.OK, output="it reads as it was set")
        return StepResult(
            Result.OK, pending=True, handle=handle, message="it does not read as it was set, or not at all"
        )

    def patience(self, step: Step) -> timedelta | None:
        """The step's own timeout."""
        return None

    def restored(self, step: Step, run: RunFacts, undo: str) -> Talk:
        """The value is set to what it was, unless somebody has changed it since."""
        setting, before = _sound(self.setting(step, run)), json.loads(undo)
        answer = yield setting.reading
        if answer.status == NOT_FOUND:
            return _left("it is gone")
        if not answer.is_ok:
            return StepResult(answer.result, reason="UndoFailed", message=setting.said(answer))
        body = parsed(answer.body)
        found = setting.found(body)
        if found == before:
            return StepResult(Result.OK, output="it was taken back already")
        if found != setting.wanted:
            changed = f"somebody has changed it since, to {json.dumps(found, sort_keys=True)}"
            return _left(found if isinstance(found, str) else changed)
        answer = yield from _sent(setting, _fenced(setting.writing(body, before), _version(body)), before)
        if not answer.is_ok:
            return StepResult(answer.result, reason="UndoFailed", message=setting.said(answer))
        return StepResult(Result.OK, output="taken back")


def _fenced(request: Request, version: str) -> Request:
    """The write for this version of the object alone, where it is one of an object."""
    return conditioned(request, version) if isinstance(request, ApiRequest) else request


def _sent(setting: Setting, write: Request, value: Value) -> Asking:
    """The answer to the write; without one, whether the value is there says what became of it."""
    answer = yield write
    if answer.result != Result.UNKNOWN:
        return answer
    if (yield from _reads(setting, value)):
        return Answer(Result.OK)
    again = yield write
    # A conflict may be with the first one, which was late.
    if again.is_ok or (yield from _reads(setting, value)):
        return Answer(Result.OK)
    return answer


def _reads(setting: Setting, value: Value) -> Generator[Request, Answer, bool]:
    answer = yield setting.reading
    return answer.is_ok and setting.found(parsed(answer.body)) == value


def _sound(setting: Setting | str) -> Setting:
    assert not isinstance(setting, str), "its plan was denied"
    return setting


def _version(body: Json) -> str:
    """The version of an object of the API server; empty for what has none."""
    metadata = body.get("metadata")
    return str(metadata.get("resourceVersion", "")) if isinstance(metadata, dict) else ""


def _denied(setting: Setting, answer: Answer) -> Planned:
    return Planned(
        setting.what, denied=setting.said(answer) or "no answer", forbidden=answer.result == Result.AUTH
    )


def _left(why: str) -> StepResult:
    return StepResult(Result.PERMANENT, reason="ChangedSince", message=f"it is left as it is: {why}")
