"""`kubectl watchbill`, run by the kubectl that finds it on its PATH."""

import contextlib
import os
import pty
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess

from tests.support.kubectl import Kubectl


def plugin(kubectl: Kubectl, user: str, *arguments: str, check: bool = True) -> CompletedProcess[str]:
    """What `kubectl watchbill` answered to a person, who reads it through a pipe."""
    answer = run_with_plugins(kubectl, user, "watchbill", *arguments)
    if check and answer.returncode != 0:
        raise AssertionError(f"kubectl watchbill {' '.join(arguments)}: {answer.stderr.strip()}")
    return answer


def run_with_plugins(kubectl: Kubectl, user: str, *arguments: str) -> CompletedProcess[str]:
    """What kubectl answered to a person who has the plugin."""
    return subprocess.run(
        ["kubectl", *arguments],
        env=environment_of(kubectl, user),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def environment_of(kubectl: Kubectl, user: str | None = None) -> dict[str, str]:
    """The environment of a person, else of the administrator, who has the plugin on the PATH."""
    folders = (Path(kubectl.cluster.kubectl).parent, Path(sys.executable).parent, os.environ["PATH"])
    who = kubectl.cluster.kubeconfig if user is None else kubectl.kubeconfig(user)
    return {**os.environ, "PATH": ":".join(map(str, folders)), "KUBECONFIG": str(who)}


def on_terminal(kubectl: Kubectl, user: str, *arguments: str) -> tuple[int, str]:
    """How `kubectl watchbill` ended for a person at a terminal without colors, and all that was drawn."""
    return drawn(["kubectl", "watchbill", *arguments], environment_of(kubectl, user))


def drawn(
    command: Sequence[str], environment: Mapping[str, str], folder: Path | None = None
) -> tuple[int, str]:
    """How a command ended at a terminal without colors that is 120 wide, and all that was drawn."""
    ours, theirs = pty.openpty()
    terminal = {**environment, "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "120"}
    child = subprocess.Popen(command, env=terminal, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    text = b""
    # Linux tells the end of a terminal that nobody writes to any more as an error.
    with contextlib.suppress(OSError):
        while part := os.read(ours, 65536):
            text += part
    os.close(ours)
    return child.wait(timeout=60), text.decode()
