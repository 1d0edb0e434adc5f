"""Which runbooks are for an incident."""

import json
from functools import lru_cache

from watchbill.api.runbook import Runbook, RunbookSpec
from watchbill.core.cel import truth
from watchbill.core.draft import Draft
from watchbill.core.memo import once_for_each
from watchbill.core.runs.readiness import runbook_problems

JUDGED = 256
"""How many answers of conditions are remembered: a decision asks for each more than once."""


def is_for(runbook: Runbook, draft: Draft) -> bool:
    """Whether all that `match` says is so; one with a problem that would keep it from running never is."""
    match, spec = runbook.spec.match, draft.spec
    if not _is_sound(runbook.spec):
        return False
    if match is None:
        return True
    if match.classes and _class_name(draft) not in match.classes:
        return False
    if match.severities and spec.severity not in match.severities:
        return False
    if match.services and not any(each.service in match.services for each in spec.affected if each.service):
        return False
    return match.condition is None or _holds(match.condition, _seen_by_condition(draft))


def _class_name(draft: Draft) -> str:
    frozen, found = draft.status.frozen_class, draft.observation.incident_class
    if frozen is not None:
        return frozen.name
    return found.metadata.name if found is not None else ""


def _seen_by_condition(draft: Draft) -> str:
    """What people wrote, in JSON: the status would make a runbook come and go by itself."""
    metadata, spec = draft.observation.incident.metadata, draft.spec
    seen = {
        "metadata": {
            "name": metadata.name,
            "namespace": metadata.namespace or "",
            "labels": metadata.labels,
            "annotations": metadata.annotations,
        },
        "spec": spec.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
    return json.dumps(seen, sort_keys=True)


@lru_cache(maxsize=JUDGED)
def _holds(condition: str, incident: str) -> bool:
    return truth(condition, {"incident": json.loads(incident)}).holds


def _sound(spec: RunbookSpec) -> bool:
    return not runbook_problems(spec)


_is_sound = once_for_each(_sound)
