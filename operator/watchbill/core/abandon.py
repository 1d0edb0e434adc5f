"""What is left to do for an incident that is deleted: close its pages, archive its channel."""

from watchbill.core import ledger
from watchbill.core.effects import ArchiveChannel, ConnectionKey, ResolvePage
from watchbill.core.facts import incident_facts
from watchbill.core.observation import Observation


def resolves(observation: Observation) -> tuple[ResolvePage, ...]:
    """A resolve for every page that may be open outside and was not resolved; there is no status any more."""
    incident = observation.incident
    found = []
    for page in incident.status.pages:
        for at, hop in enumerate(page.hops):
            facts = observation.connections.get(ConnectionKey(hop.namespace, hop.connection))
            told = hop.closing is not None and (hop.closing.action, hop.closing.state) == ("Resolve", "Done")
            # One whose connection is gone is tried as well: the failure says what to close by hand.
            able = facts is None or facts.resolves
            if able and ledger.may_be_open(page, hop) and not told:
                found.append(ResolvePage(incident_facts(incident, incident.status), page, at))
    return tuple(found)


def archives(observation: Observation) -> tuple[ArchiveChannel, ...]:
    """The archiving of the channel that was made and is not archived, if there is one."""
    incident = observation.incident
    channel = incident.status.resources.channel
    if channel is None or channel.archived or not channel.external_id:
        return ()
    return (ArchiveChannel(incident_facts(incident, incident.status), channel),)
