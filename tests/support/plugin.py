"""`kubectl watchbill`, run by the kubectl that finds it on its PATH."""

import os
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
    folders = (Path(kubectl.cluster.kubectl).parent, Path(sys.executable).parent, os.environ["PATH"])
    environment = {"PATH": ":".join(map(str, folders)), "KUBECONFIG": str(kubectl.kubeconfig(user))}
    return subprocess.run(
        ["kubectl", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
