"""kubectl, as the administrator or as a person, against the control plane of the session."""

from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess
from typing import Protocol

from dev.kubeconfigs import Reachable, person_kubeconfig


class Asked(Reachable, Protocol):
    """A control plane with the kubectl that fits it."""

    @property
    def kubectl(self) -> Path:
        """That kubectl."""

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the administrator."""

    def run_kubectl(
        self, *arguments: str, kubeconfig: Path | None = None, stdin: str | None = None
    ) -> CompletedProcess[str]:
        """What kubectl answered to these arguments."""


@dataclass(frozen=True)
class Kubectl:
    """Runs kubectl; `user` is the name of a person, whom RBAC must know, else it is `admin`."""

    cluster: Asked
    kubeconfigs: dict[str, Path] = field(default_factory=dict)

    def __call__(
        self,
        *arguments: str,
        user: str | None = None,
        input: str | None = None,  # noqa: A002 as subprocess.run names it
        check: bool = True,
    ) -> CompletedProcess[str]:
        """What kubectl answered; with `check` the test fails unless it succeeded."""
        who = None if user is None else self.kubeconfig(user)
        answer = self.cluster.run_kubectl(*arguments, kubeconfig=who, stdin=input)
        if check and answer.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {answer.stderr.strip()}")
        return answer

    def kubeconfig(self, user: str) -> Path:
        """The kubeconfig of this person, made when it is first asked for."""
        if user not in self.kubeconfigs:
            self.kubeconfigs[user] = person_kubeconfig(self.cluster, user)
        return self.kubeconfigs[user]
