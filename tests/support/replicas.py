"""Two replicas of the operator, of which the leader is killed and replaced, as a Deployment does it."""

from pathlib import Path
from types import TracebackType
from typing import Self

from dev.operator_process import OperatorProcess

TAKEN_OVER_WITHIN = 30.0


class Replicas:
    """A leader and a standby; whoever is started bears a name of its own, as a new pod does."""

    def __init__(self, kubeconfig: Path, logs: Path) -> None:
        """Two replicas that are not started yet, and whose logs go into this directory."""
        self._kubeconfig = kubeconfig
        self._logs = logs
        self._count = 0
        self.leader = self._new()
        self.standby = self._new()

    def take_over(self) -> None:
        """Return once the standby leads in the place of one that is gone; a new standby is starting then."""
        self.standby.wait_for_line("ready", TAKEN_OVER_WITHIN)
        self.leader, self.standby = self.standby, self._new()
        self.standby.start(wait=False)

    def _new(self) -> OperatorProcess:
        self._count += 1
        identity = f"replica-{self._count}"
        return OperatorProcess(self._kubeconfig, self._logs / f"{identity}.log", identity=identity)

    def __enter__(self) -> Self:
        self.leader.start()
        self.standby.start(wait=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The leader last: it lets go of the lease, and nobody is left to take it.
        self.standby.stop()
        self.leader.stop()
