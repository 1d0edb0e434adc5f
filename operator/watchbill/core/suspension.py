"""What is set aside by `spec.suspend`, in words."""

from watchbill.api.escalation_policy import EscalationPolicy
from watchbill.api.runbook import Runbook


def suspension(model: EscalationPolicy | Runbook) -> str:
    """What it means that the object is suspended, and how it is resumed; empty where it is not."""
    if not model.spec.suspend:
        return ""
    effect = "no run of it begins" if isinstance(model, Runbook) else "incidents pass it over"
    place = f"-n {model.metadata.namespace} patch {model.kind_name.lower()} {model.metadata.name}"
    return f"suspended: {effect}; to resume it: kubectl {place} --type=merge -p 'spec: {{suspend: false}}'"
