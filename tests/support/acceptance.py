"""The acceptance manifests: the API as its users type it, read from beside the project."""

import os
import subprocess
from pathlib import Path
from subprocess import CompletedProcess

from dev.layout import REPOSITORY
from tests.support.kubectl import Kubectl
from tests.support.require import require

SHARED = Path(os.environ.get("WATCHBILL_SPECS", REPOSITORY.parent / "shared" / "specs")).parent
ACCEPTANCE = SHARED / "acceptance"


def manifest(name: str, sink: str = "http://127.0.0.1:9") -> str:
    """The manifest as it stands, with the vendors' origin filled in."""
    path = ACCEPTANCE / name
    require(path.is_file(), f"the acceptance manifests beside the project: {name}")
    return path.read_text().replace("@SINK@", sink)


def person(kubectl: Kubectl, user: str, *arguments: str, **environment: str) -> CompletedProcess[str]:
    """What people.sh answered to a person; the script finds kubectl and who it is by itself."""
    script = ACCEPTANCE / "people.sh"
    require(script.is_file(), "the acceptance manifests beside the project: people.sh")
    path = f"{Path(kubectl.cluster.kubectl).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["sh", str(script), *arguments],
        env={**os.environ, "PATH": path, "KUBECONFIG": str(kubectl.kubeconfig(user))} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
