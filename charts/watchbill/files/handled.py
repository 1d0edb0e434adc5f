"""Declares an incident, and ends with 0 once the operator has paged for it and has seen that it is over.

The page goes to a console: nobody gets it. Standard library only, so that any image with Python will do.
"""

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ACCOUNT = Path(os.environ.get("ACCOUNT_DIRECTORY", "/var/run/secrets/kubernetes.io/serviceaccount"))
SERVER = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
ME, NAMESPACE, CLASS = os.environ["ME"], os.environ["NAMESPACE"], os.environ["CLASS"]
INCIDENTS = f"/apis/watchbill.dev/v1alpha1/namespaces/{NAMESPACE}/incidents"
SECONDS = 60.0
"""For how long each step is waited for."""


def ask(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The answer of the API server; raises SystemExit with its own words where it refuses."""
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    token = (ACCOUNT / "token").read_text()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(SERVER + path, data, headers, method=method)
    trust = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    try:
        with urllib.request.urlopen(request, timeout=10, context=trust) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        sys.exit(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}")


def wait_for(what: str, path: str) -> None:
    """Returns once the incident shows this, `paged` or a phase; ends the process where it never does."""
    end = time.monotonic() + SECONDS
    while True:
        status = ask("GET", path).get("status", {})
        states = [page["state"] for page in status.get("pages", [])]
        if what in (status.get("phase"), "paged" if "Accepted" in states else None):
            print(f"{what}: yes", flush=True)
            return
        if time.monotonic() > end:
            sys.exit(f"{what}: not within {SECONDS:g} s; the status is {json.dumps(status)}")
        time.sleep(0.5)


def main() -> None:
    """Declare it, see the page, cancel it, see that too, and leave nothing."""
    spec = {
        "title": "TEST: nothing is wrong, helm tests whether incidents are handled",
        "severity": "TEST",
        "classRef": {"name": CLASS},
        "setBy": {"declaration": ME},
    }
    metadata = {"generateName": "helm-test-", "labels": {"watchbill.dev/test-page": "true"}}
    kind = {"apiVersion": "watchbill.dev/v1alpha1", "kind": "Incident"}
    made = ask("POST", INCIDENTS, kind | {"metadata": metadata, "spec": spec})
    path = f"{INCIDENTS}/{made['metadata']['name']}"
    print(f"declared: {made['metadata']['name']}", flush=True)
    try:
        wait_for("paged", path)
    finally:
        over = {"state": "Cancelled", "stateReason": "a test: nothing was wrong", "setBy": {"state": ME}}
        ask("PATCH", path, {"spec": over})
    wait_for("Cancelled", path)
    ask("DELETE", path)


if __name__ == "__main__":
    main()
