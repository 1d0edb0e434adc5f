"""`kubectl watchbill`, run by the kubectl that finds it on its PATH."""

import contextlib
import os
import pty
import subprocess
import sys
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


def environment_of(kubectl: Kubectl, user: str) -> dict[str, str]:
    """The environment of a person who has the plugin on the PATH."""
    folders = (Path(kubectl.cluster.kubectl).parent, Path(sys.executable).parent, os.environ["PATH"])
    return {**os.environ, "PATH": ":".join(map(str, folders)), "KUBECONFIG": str(kubectl.kubeconfig(user))}


def on_terminal(kubectl: Kubectl, user: str, *arguments: str) -> tuple[int, str]:
    """How `kubectl watchbill` ended for a person at a terminal without colors, and all that was drawn."""
    ours, theirs = pty.openpty()
    environment = {**environment_of(kubectl, user), "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "120"}
    child = subprocess.Popen(
        ["kubectl", "watchbill", *arguments], env=environment, stdin=theirs, stdout=theirs
    )
    os.close(theirs)
    drawn = b""
    # Linux tells the end of a terminal that nobody writes to any more as an error.
    with contextlib.suppress(OSError):
        while part := os.read(ours, 65536):
            drawn += part
    os.close(ours)
    return child.wait(timeout=60), drawn.decode()
