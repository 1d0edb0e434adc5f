"""Reads the cluster into what one decision on a run may know."""

from collections.abc import Callable
from datetime import datetime

from watchbill.api.group import GROUP
from watchbill.api.incident import Incident
from watchbill.api.runbook import Runbook
from watchbill.api.runbook_run import RunbookRun
from watchbill.core.runs.observation import RunObservation
from watchbill.shell.cache import Cache, ObjectKey
from watchbill.shell.clock import Clock
from watchbill.shell.kube import Kube, NotFound
from watchbill.shell.observe import READ_TIMEOUT, Absences, Deliver
from watchbill.shell.paths import path_of
from watchbill.shell.runs.others import Others

RUN = "RunbookRun"
PAUSE_NOTE = f"{GROUP}/pause-runs"
"""The annotation of the operator's Lease by which somebody pauses all runs; its value says why."""

PAGE = 50
"""How many runs are listed at once: each may hold 64 KiB of its runbook."""


class RunObserver:
    """Puts together what one decision on a run may know."""

    def __init__(
        self, cache: Cache, kube: Kube, clock: Clock, identities: tuple[str, str], deliver: Deliver
    ) -> None:
        """`identities` are the holder under which this process claims, and the operator's user name."""
        self.absences = Absences(kube, clock, deliver)
        self.others = Others()
        self._cache = cache
        self._kube = kube
        self._clock = clock
        self._holder, self._operator_user = identities
        self._deliver = deliver
        self.pause: Callable[[], str] = lambda: ""
        """Why no step of any run starts; empty where they do."""
        self._listed: dict[str, datetime] = {}
        self._claims: dict[str, dict[str, datetime]] = {}

    @property
    def is_blind(self) -> bool:
        """Whether the API server does not answer."""
        return self._kube.unreachable_since is not None

    async def run(self, key: ObjectKey, fresh: bool = False) -> RunbookRun | None:
        """The run, from the API server where it must be fresh; None where it is gone or cannot be read.

        Raises KubeError.
        """
        if fresh:
            try:
                raw = await self._kube.get(path_of(*key), timeout=READ_TIMEOUT)
            except NotFound:
                # Only the watch tells that one is gone: a server that has just started finds none.
                if self._cache.knows(*key):
                    raise
                return None
            self._deliver(key.kind, None, raw)
        return self._cache.read(RunbookRun, key.namespace, key.name)

    def knows(self, key: ObjectKey) -> bool:
        """Whether the run exists, as far as the watch has told."""
        return self._cache.knows(*key)

    def rest(self, key: ObjectKey) -> None:
        """Keep no more of a run that has ended than what its name was and what others ask of it."""
        self._cache.rest(*key)

    async def observe(self, run: RunbookRun) -> RunObservation:
        """What is seen around the run now; what the cache lacks is noted as missed. Raises KubeError."""
        namespace, uid = run.metadata.namespace or "", run.metadata.uid
        return RunObservation(
            run,
            runbook=self._runbook(namespace, run.spec.runbook_ref.name),
            incident=await self._incident(run),
            parent=self._parent(run),
            others=self.others.around(namespace, uid),
            others_time=self._listed.get(uid),
            pause=self.pause(),
            operator_user=self._operator_user,
            holder=self._holder,
            foreign_claims=self.note_claims(run),
        )

    async def list_others(self, run: RunbookRun) -> None:
        """Ask for all runs of the namespace anew; raises KubeError."""
        namespace, asked = run.metadata.namespace or "", self._clock.now()
        async for page in self._kube.pages(path_of(RUN, namespace), limit=PAGE):
            for raw in page.items:
                self._deliver(RUN, None, raw)
        self._listed[run.metadata.uid] = asked

    def note_claims(self, run: RunbookRun) -> dict[str, datetime]:
        """When this process first saw each claim of another; by its own clock, for skew must not matter."""
        now, uid = self._clock.now(), run.metadata.uid
        known, marks = self._claims.pop(uid, {}), {}
        seen = {}
        for step in run.status.steps:
            if step.claim is not None and step.claim.by != self._holder:
                mark = f"{step.name}@{step.claim.by}@{step.claim.time.isoformat()}"
                marks[mark] = seen[f"{uid}/{step.name}"] = known.get(mark, now)
        if marks:
            self._claims[uid] = marks
        return seen

    def forget(self, uid: str) -> None:
        """Forget what was seen of a run that has ended or is gone."""
        self._claims.pop(uid, None)
        self._listed.pop(uid, None)

    def _runbook(self, namespace: str, name: str) -> Runbook | None:
        found = self._cache.read(Runbook, namespace, name)
        if found is None:
            self.absences.missed("Runbook", namespace, name)
        return found

    async def _incident(self, run: RunbookRun) -> Incident | None:
        ref = run.spec.incident_ref
        if ref is None:
            return None
        key = ObjectKey("Incident", run.metadata.namespace or "", ref.name)
        if self._cache.knows(*key) and self._cache.get(*key) is None:
            try:
                return Incident.model_validate(await self._kube.get(path_of(*key), timeout=READ_TIMEOUT))
            except NotFound:
                return None
        found = self._cache.read(Incident, key.namespace, key.name)
        self._cache.release(*key)
        if found is None:
            self.absences.missed(*key)
        return found

    def _parent(self, run: RunbookRun) -> RunbookRun | None:
        ref = run.spec.parent_ref
        if ref is None or run.status.snapshot is not None:
            return None
        namespace = run.metadata.namespace or ""
        found = self._cache.read(RunbookRun, namespace, ref.name)
        if found is None:
            self.absences.missed(RUN, namespace, ref.name)
        return found
