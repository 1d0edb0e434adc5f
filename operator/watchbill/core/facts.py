"""What a page tells of its incident, taken from the incident."""

from watchbill.api.incident import Incident
from watchbill.api.incident_status import IncidentStatus
from watchbill.core.effects import IncidentFacts
from watchbill.core.severity import row


def incident_facts(incident: Incident, status: IncidentStatus) -> IncidentFacts:
    """The facts for the text of a page; an incident without a matrix has rank 1, the worst."""
    severity = row(status.frozen_class, incident.spec.severity)
    services = (item.service or item.name for item in incident.spec.affected)
    return IncidentFacts(
        uid=incident.metadata.uid,
        namespace=incident.metadata.namespace or "",
        name=incident.metadata.name,
        title=incident.spec.title,
        severity=incident.spec.severity,
        rank=severity.rank if severity else 1,
        summary=incident.spec.summary or "",
        services=tuple(service for service in services if service),
    )
