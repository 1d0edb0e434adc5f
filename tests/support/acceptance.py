"""What people type, run as a person: the acceptance manifests' people.sh."""

import os
import subprocess
from pathlib import Path
from subprocess import CompletedProcess

from tests.support.kubectl import Kubectl
from tests.support.manifests import ACCEPTANCE


def person(kubectl: Kubectl, user: str, *arguments: str, **environment: str) -> CompletedProcess[str]:
    """What people.sh answered to a person; the script finds kubectl and who it is by itself."""
    path = f"{Path(kubectl.cluster.kubectl).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["sh", str(ACCEPTANCE / "people.sh"), *arguments],
        env={**os.environ, "PATH": path, "KUBECONFIG": str(kubectl.kubeconfig(user))} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
