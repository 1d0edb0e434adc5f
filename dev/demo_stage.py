"""The stage of the demo: a control plane, the operator, the vendors, and ana with a kubeconfig of her own."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from types import FrameType
from typing import Any, TypeVar

from dev.cluster import Cluster
from dev.commands import last_line
from dev.demo_story import Notice, Story, notice_of
from dev.errors import DevError
from dev.kubeconfigs import person_kubeconfig
from dev.layout import REPOSITORY
from dev.operator_process import OperatorProcess
from dev.receiver import PAGERDUTY_PATH, Reaction, Received, Receiver
from watchbill.api.group import API_VERSION

EXAMPLES = REPOSITORY / "examples" / "demo"
ORIGIN = "http://127.0.0.1:8099"
"""Where the vendors are in the manifests; the demo's own receiver takes a free port in its place."""

NAMESPACE, INCIDENT = "shop", "checkout-500s"
BACKUP_PATH, EVERYONE_PATH = "/backup", "/all-hands"

PATIENCE = 40.0
"""Seconds for anything to be seen; a quiet machine needs six at most, more after a kill."""

PAUSE = 0.05

MOMENTS = {
    (PAGERDUTY_PATH, "trigger"): "page",
    (BACKUP_PATH, "trigger"): "fallback",
    (EVERYONE_PATH, "trigger"): "escalation",
    (PAGERDUTY_PATH, "acknowledge"): "acknowledgement",
    (PAGERDUTY_PATH, "resolve"): "resolution",
}
"""The request by which each step first shows on the wire: the operator acted then, and did not record it."""

DECLARATION = "declaration"
"""The step in which no operator runs while the incident is declared."""

Found = TypeVar("Found")


class Stage:
    """What the demo acts on; the operator is killed with no warning at each step of `kill_at`."""

    def __init__(self, cluster: Cluster, operator: OperatorProcess, story: Story, kill_at: set[str]) -> None:
        self._cluster = cluster
        self._operator = operator
        self._story = story
        self._kill_at = kill_at
        self._killed: list[str] = []
        self._lock = threading.Lock()
        self._refusing = False
        self._notices: list[Notice] = []
        self._ana = person_kubeconfig(cluster, "ana")
        self.receiver = Receiver()
        self.receiver.on_request = self._on_request

    @property
    def kills_to_come(self) -> set[str]:
        """The moments of `kill_at` that have not come."""
        return self._kill_at

    @property
    def notices(self) -> list[Notice]:
        """All that has arrived at the vendors so far."""
        return list(self._notices)

    def triggers(self, path: str) -> list[Notice]:
        """The pages that arrived at this path."""
        return [each for each in self.notices if (each.path, each.action) == (path, "trigger")]

    def apply(self, *files: str) -> None:
        """Apply these files of examples/demo, with the vendors at the receiver; also the responder's role."""
        role = REPOSITORY / "examples" / "roles" / "responder.yaml"
        texts = [role.read_text(), *((EXAMPLES / file).read_text() for file in files)]
        text = "\n---\n".join(texts).replace(ORIGIN, self.receiver.url)
        answer = self._cluster.run_kubectl("apply", "--server-side", "--filename=-", stdin=text)
        if answer.returncode != 0:
            raise DevError(f"examples/demo was not applied: {answer.stderr.strip()}")

    def ana(self, *arguments: str, is_told: bool = True) -> CompletedProcess[str]:
        """What kubectl answered to ana, told as she saw it; her command alone where `is_told` is False."""
        self._story.typed("ana", arguments)
        answer = self._cluster.run_kubectl(*arguments, kubeconfig=self._ana)
        if is_told:
            self._story.answered(answer)
        return answer

    def read(self, plural: str, name: str) -> dict[str, Any]:
        """An object of the team as the API server has it."""
        path = f"/apis/{API_VERSION}/namespaces/{NAMESPACE}/{plural}/{name}"
        answer = self._cluster.access.client().get(path)
        if not answer.succeeded:
            raise DevError(f"The API server answered {answer.status} for {plural}/{name}: {answer.message}")
        return answer.body

    def status(self) -> dict[str, Any]:
        """The status of the incident as the API server has it."""
        return dict(self.read("incidents", INCIDENT).get("status", {}))

    def break_pagerduty(self) -> None:
        """From now on PagerDuty answers 503."""
        self.receiver.script(PAGERDUTY_PATH, Reaction(status=503))
        self._refusing = True

    def heal_pagerduty(self) -> None:
        """PagerDuty takes pages again."""
        self.receiver.heal(PAGERDUTY_PATH)
        self._refusing = False

    def kill_before_declaration(self) -> None:
        """Kill the operator while it has nothing to do, if that is asked for."""
        if DECLARATION in self._kill_at:
            self._kill(DECLARATION)
            self._story.say("   kill -9 of the operator: nobody works while ana declares")

    def wait_for(self, found: Callable[[], Found | None], what: str, within: float = PATIENCE) -> Found:
        """The first true value, telling what arrives meanwhile; raises DevError where none comes in time."""
        end = time.monotonic() + within
        while not (value := found()):
            self._watch_over()
            self._story.arrived(self.notices)
            if time.monotonic() >= end:
                raise DevError(f"MISSING after {within:g} s: {what}; see {self._operator.log}")
            time.sleep(PAUSE)
        self._watch_over()
        self._story.arrived(self.notices)
        return value

    def _watch_over(self) -> None:
        """Start the operator again after a kill; raises DevError where it ended by itself."""
        with self._lock:
            if self._killed:
                self._story.arrived(self.notices)
                self._story.say("   kill -9 of the operator at this moment; another one is started")
                self._killed.clear()
                start(self._operator)
            elif self._operator.exit_code is not None:
                log = self._operator.log
                raise DevError(f"The operator ended by itself; {log} ends with: {last_line(log)}")

    def _on_request(self, request: Received) -> None:
        """Note what arrived; on the receiver's thread, before the vendor answers."""
        try:
            notice = notice_of(request, self._refusing and request.path == PAGERDUTY_PATH)
        except ValueError:
            return  # It broke off in the middle, with the operator that sent it.
        self._notices.append(notice)
        moment = MOMENTS.get((notice.path, notice.action), "")
        if moment in self._kill_at and not notice.refused:
            self._kill(moment)

    def _kill(self, moment: str) -> None:
        with self._lock:
            if moment in self._kill_at:
                self._kill_at.discard(moment)
                self._operator.kill()
                self._killed.append(moment)


@contextmanager
def staged(home: Path, manifests: Path, story: Story, kill_at: set[str]) -> Iterator[Stage]:
    """A stage where all is ready; whatever happens on it, nothing of it is left running."""
    with ExitStack() as stack:
        cluster = Cluster(home, manifests=manifests)
        if cluster.find():
            raise DevError(f"A control plane runs in {home} already; stop it, or name another directory.")
        stack.enter_context(cluster)
        operator = OperatorProcess(cluster.operator_kubeconfig, home / "operator.log")
        stack.callback(operator.kill)
        stage = Stage(cluster, operator, story, kill_at)
        stack.enter_context(stage.receiver)
        start(operator)
        yield stage
        operator.stop()


def start(operator: OperatorProcess) -> None:
    """Start the operator without waiting for it; no signal comes in between, so that none is left running."""
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)

    held = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, note) for number in held}
    try:
        operator.start(wait=False)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        os.kill(os.getpid(), came[0])
