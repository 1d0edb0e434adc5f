"""The runbook as it was when the run began: pinned once, read from then on, never changed."""

import hashlib
import json
from functools import lru_cache

from watchbill.api.runbook import Runbook, RunbookSpec
from watchbill.api.runbook_run_status import Snapshot
from watchbill.core.steps.registry import STEP_KINDS

KNOWN_SNAPSHOTS = 64
"""How many runbooks are kept as they were read."""


def pinned(runbook: Runbook) -> Snapshot:
    """The snapshot of the runbook as it is; its content may be longer than a status holds."""
    # Whether it is suspended is nothing that a run does: resumed, it has the hash that it had.
    spec = runbook.spec.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"suspend"})
    content = json.dumps(spec, sort_keys=True, separators=(",", ":"))
    return Snapshot(
        uid=runbook.metadata.uid,
        revision=runbook.metadata.generation,
        hash=content_hash(content),
        account=runbook.spec.service_account_name,
        content=content,
    )


def content_hash(content: str) -> str:
    """The digest of a snapshot's content, with 32 hex digits."""
    return f"sha256:{hashlib.sha256(content.encode()).hexdigest()[:32]}"


@lru_cache(maxsize=KNOWN_SNAPSHOTS)
def problem(hash_: str, content: str, account: str) -> str:
    """Why this operator cannot go by a snapshot, changed or of a newer operator; empty where it can.

    Admission lets a status be written by who may act as `account`, so no other may be in the content.
    """
    changed = "status.snapshot is not what was pinned: delete the run, and see who may write its status"
    if content_hash(content) != hash_:
        return changed
    try:
        spec = spec_of(content)
    except ValueError:
        return "the runbook was pinned by a newer operator, which alone can read it"
    if spec.service_account_name != account:
        return changed
    unknown = [
        step.name
        for step in spec.steps
        if {step.kind, step.undo.kind if step.undo is not None else step.kind} - STEP_KINDS.keys()
    ]
    return f"step {unknown[0]} is of a kind that only a newer operator knows" if unknown else ""


@lru_cache(maxsize=KNOWN_SNAPSHOTS)
def spec_of(content: str) -> RunbookSpec:
    """The spec of the runbook that was pinned."""
    return RunbookSpec.model_validate_json(content)
