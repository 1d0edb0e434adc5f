"""Creates the runs that start by themselves; besides Events nothing else is created by the operator."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import structlog

from watchbill.api.group import API_VERSION
from watchbill.core.backoff import backoff
from watchbill.core.mitigation import StartProblem, StartRun
from watchbill.shell.cache import ObjectKey
from watchbill.shell.clock import Clock
from watchbill.shell.guard import guarded
from watchbill.shell.kube import Conflict, Kube, KubeError
from watchbill.shell.observe import Deliver
from watchbill.shell.paths import path_of

RUN = "RunbookRun"
LONGEST = timedelta(minutes=5)
"""The longest wait between two tries: what keeps a run from being created is mended by people."""

log = structlog.get_logger(__name__)


class Starter:
    """Creates each run once; what came of it is told by the run itself, or by `problems`."""

    def __init__(
        self,
        kube: Kube,
        clock: Clock,
        operator_user: str,
        deliver: Deliver,
        wake: Callable[[ObjectKey], None],
    ) -> None:
        """`wake` has an incident looked at whose run could not be created."""
        self._kube = kube
        self._clock = clock
        self._operator_user = operator_user
        self._deliver = deliver
        self._wake = wake
        self._problems: dict[tuple[str, str], dict[str, StartProblem]] = {}
        self._attempts: dict[tuple[str, str], int] = {}
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}

    def start(self, wanted: StartRun) -> None:
        """Begin to create a run that is not being created."""
        key = wanted.namespace, wanted.run
        if key not in self._tasks:
            task = asyncio.create_task(self._start(wanted), name=f"start {'/'.join(key)}")
            self._tasks[key] = task
            task.add_done_callback(lambda _: self._tasks.pop(key, None))

    def problems(self, namespace: str, incident: str) -> Mapping[str, StartProblem]:
        """Why runs of an incident could not be created, by the name of the run."""
        return self._problems.get((namespace, incident), {})

    def forget(self, namespace: str, incident: str) -> None:
        """Forget an incident that is gone."""
        for run in self._problems.pop((namespace, incident), {}):
            self._attempts.pop((namespace, run), None)

    async def drain(self, grace: float) -> None:
        """Wait for what is being created, at most this many seconds."""
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()), timeout=grace)

    async def _start(self, wanted: StartRun) -> None:
        problem = await guarded(self._created(wanted), "the operator failed", run=wanted.run)
        place = wanted.namespace, wanted.incident
        if not problem:
            self._attempts.pop((wanted.namespace, wanted.run), None)
            known = self._problems.get(place, {})
            known.pop(wanted.run, None)
            if not known:
                self._problems.pop(place, None)
            return
        attempts = self._attempts.get((wanted.namespace, wanted.run), 0) + 1
        self._attempts[wanted.namespace, wanted.run] = attempts
        again = self._clock.now() + backoff(attempts, longest=LONGEST)
        self._problems.setdefault(place, {})[wanted.run] = StartProblem(problem, again)
        log.warning("a run that starts by itself is not created", run=wanted.run, problem=problem)
        self._wake(ObjectKey("Incident", *place))

    async def _created(self, wanted: StartRun) -> str:
        """Why the run could not be created; empty once it is there, and has been told of."""
        body = _manifest(wanted, self._operator_user)
        try:
            found = await self._kube.post(path_of(RUN, wanted.namespace), body)
        except Conflict:
            try:
                found = await self._kube.get(path_of(RUN, wanted.namespace, wanted.run))
            except KubeError as error:
                return str(error)
            if any(
                found.get("spec", {}).get(name) != body["spec"][name]
                for name in ("requestedBy", "incidentRef")
            ):
                return f"a run {wanted.run} is there that somebody else has made: delete it"
        except KubeError as error:
            return str(error)
        log.info("a run starts by itself", run=f"{wanted.namespace}/{wanted.run}", runbook=wanted.runbook)
        self._deliver(RUN, None, found)
        return ""


def _manifest(wanted: StartRun, operator_user: str) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": RUN,
        "metadata": {"name": wanted.run, "namespace": wanted.namespace},
        "spec": {
            "runbookRef": {"name": wanted.runbook},
            "incidentRef": {"name": wanted.incident},
            "requestedBy": operator_user,
            "reason": f"the runbook starts by itself, and is for incident {wanted.incident}",
        },
    }
