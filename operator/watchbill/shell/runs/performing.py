"""Performs the effects of runs: drives each exchange of requests and answers, and tells what came of it."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

import structlog

from watchbill.core.outcomes import Result
from watchbill.core.runs.effects import ACTS, ActOn, AskPerson, PlanSteps, RunEffect, UndoStep, run_key
from watchbill.core.runs.exchange import plans, talk
from watchbill.core.runs.outcomes import RunOutcome
from watchbill.core.runs.output import keeping
from watchbill.core.steps.contract import Answer, Planned, Request, RunFacts, StepResult
from watchbill.shell.cache import ObjectKey
from watchbill.shell.clock import Clock
from watchbill.shell.guard import guarded
from watchbill.shell.runs.account import AccountProblem

ACT_WITHIN = 25.0
"""Seconds after which an act sends nothing more that changes something.

Another process takes a claim for orphaned after 60 s (`ACT_DEADLINE`), and one request takes 30 s at most.
"""

FORBIDDEN = 403

Found = TypeVar("Found")
Answerer = Callable[[Request, RunFacts], Awaitable[Answer]]
AskPeople = Callable[[ObjectKey, AskPerson], Awaitable[StepResult]]
OnOutcome = Callable[[ObjectKey, RunOutcome], None]
Told = tuple[StepResult, tuple[Planned, ...]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RunOutside:
    """What effects of runs are performed with."""

    answer: Answerer
    """Sends a request; raises AccountProblem."""
    ask: AskPeople
    """Pages somebody."""
    clock: Clock
    may_act: Callable[[], bool]
    """Whether this process leads, and the API server answers it."""


class Interrupted(Exception):
    """This process may change nothing more."""

    def __init__(self, sent: bool) -> None:
        super().__init__("this process may not act any more")
        self.sent = sent
        """Whether something that changes something was sent before."""


class RunPerformer:
    """Performs effects side by side, each at most once for what the status says."""

    def __init__(self, outside: RunOutside, on_outcome: OnOutcome) -> None:
        self._outside = outside
        self._on_outcome = on_outcome
        self._flying: dict[str, set[tuple[str, str]]] = {}
        self._acted: dict[str, set[tuple[str, str, int]]] = {}
        """By the UID of the run: what was begun of what changes something."""
        self._tasks: set[asyncio.Task[None]] = set()

    def in_flight(self, uid: str) -> frozenset[tuple[str, str]]:
        """(key, action) of what is being performed for a run."""
        return frozenset(self._flying.get(uid, ()))

    def start(self, key: ObjectKey, effect: RunEffect) -> None:
        """Begin to perform an effect that is not in flight; its outcome is handed over when it has ended."""
        self._flying.setdefault(effect.run.uid, set()).add((run_key(effect), effect.action))
        task = asyncio.create_task(self._run(key, effect), name=f"{effect.action} {run_key(effect)}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def forget(self, uid: str) -> None:
        """Forget what was done for a run that has ended or is gone."""
        self._acted.pop(uid, None)

    async def drain(self, grace: float) -> None:
        """Wait for what is in flight, at most this many seconds."""
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=grace)

    async def _run(self, key: ObjectKey, effect: RunEffect) -> None:
        uid, place = effect.run.uid, (run_key(effect), effect.action)
        surely = Result.UNKNOWN if isinstance(effect, ACTS) else Result.RETRY
        failed: Told = StepResult(surely, reason="InternalError", message="the operator failed"), ()
        result, planned = await guarded(self._told(key, effect), failed, key=place[0], action=place[1])
        kept = await guarded(self._kept(effect, result), "", key=place[0], action="keep")
        log.info(
            "performed",
            run=f"{key.namespace}/{key.name}",
            key=place[0],
            action=effect.action,
            result=result.result.value,
            reason=result.reason,
        )
        flying = self._flying[uid]
        flying.discard(place)
        if not flying:
            del self._flying[uid]
        self._on_outcome(key, RunOutcome(effect, result, self._outside.clock.now(), planned, kept))

    async def _told(self, key: ObjectKey, effect: RunEffect) -> Told:
        """What came of the effect, and what each step would do where that was asked for."""
        match effect:
            case AskPerson():
                return await self._outside.ask(key, effect), ()
            case PlanSteps():
                try:
                    return StepResult(Result.OK), await self._driven(plans(effect), effect)
                except AccountProblem as problem:
                    return StepResult(problem.result, message=problem.message), ()
            case ActOn() | UndoStep():
                return await self._acted_on(effect), ()
            case _:
                return await self._driven(talk(effect), effect), ()

    async def _kept(self, effect: RunEffect, result: StepResult) -> str:
        """The name of the ConfigMap in which the whole output is kept; empty where that is not needed or may
        not be: the step is what it is without it.
        """
        wanted = keeping(result.output, effect.step, effect.run)
        if wanted is None or not self._outside.may_act():
            return ""
        answer = await self._answer(wanted, effect)
        if not answer.is_ok:
            log.warning("the whole output is not kept", key=run_key(effect), problem=answer.message)
        return wanted.name if answer.is_ok else ""

    async def _acted_on(self, effect: ActOn | UndoStep) -> StepResult:
        done = self._acted.setdefault(effect.run.uid, set())
        this = (run_key(effect), effect.action, effect.attempt)
        if this in done:
            said = "it was begun before, and what came of it is not known"
            return StepResult(Result.UNKNOWN, reason="Repeated", message=said)
        done.add(this)
        try:
            return await self._driven(talk(effect), effect)
        except Interrupted as interrupted:
            result = Result.UNKNOWN if interrupted.sent else Result.CONFLICT
            return StepResult(result, reason="Interrupted", message=str(interrupted))

    async def _driven(self, exchange: Generator[Request, Answer, Found], effect: RunEffect) -> Found:
        """What the exchange returns once each of its requests is answered; raises Interrupted."""
        monotonic = self._outside.clock.monotonic
        end, sent = monotonic() + ACT_WITHIN, False
        try:
            request = next(exchange)
            while True:
                if not request.is_read and not (self._outside.may_act() and monotonic() < end):
                    raise Interrupted(sent)
                answer = await self._answer(request, effect)
                sent = sent or not request.is_read
                request = exchange.send(answer)
        except StopIteration as returned:
            found: Found = returned.value
            return found

    async def _answer(self, request: Request, effect: RunEffect) -> Answer:
        try:
            return await self._outside.answer(request, effect.run)
        except AccountProblem as problem:
            if isinstance(effect, PlanSteps):
                raise
            status = FORBIDDEN if problem.result == Result.AUTH else 0
            return Answer(problem.result, status, message=problem.message)
