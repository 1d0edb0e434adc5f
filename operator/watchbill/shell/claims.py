"""What incidents claim: who is about to send what, and which channel's name is whose."""

from collections.abc import Iterator, Mapping

from watchbill.api.incident import Incident
from watchbill.api.incident_status import Claim, IncidentStatus
from watchbill.core.effects import ConnectionKey, channel_key
from watchbill.core.observation import ChannelPlace
from watchbill.shell.cache import Raw


def claims_of(incident: Incident) -> Iterator[tuple[str, Claim]]:
    """The claims without outcome in the incident's status, each with the key that it is for."""
    for page in incident.status.pages:
        for hop in page.hops:
            if hop.state == "Claimed" and hop.claim is not None:
                yield hop.key, hop.claim
    channel = incident.status.resources.channel
    if channel is not None and channel.claim is not None:
        yield channel_key(incident.metadata.uid), channel.claim


class ChannelClaims(Mapping[ChannelPlace, frozenset[str]]):
    """The UIDs of the incidents whose channel has or claims a name, of all that were told of or written."""

    def __init__(self) -> None:
        self._noted: dict[str, ChannelPlace] = {}

    def note(self, uid: str, status: IncidentStatus) -> None:
        """Remember which name the incident's channel has or claims by a status that was written."""
        channel = status.resources.channel
        if channel is not None:
            self._noted[uid] = ConnectionKey(channel.namespace, channel.connection), channel.name

    def told(self, raw: Raw) -> None:
        """Remember the same of an incident that the watch or a list has told of."""
        channel = ((raw.get("status") or {}).get("resources") or {}).get("channel")
        if channel is not None:
            place = ConnectionKey(channel.get("namespace", ""), channel["connection"]), channel["name"]
            self._noted[raw["metadata"]["uid"]] = place

    def forget(self, uid: str) -> None:
        """Forget an incident that is gone."""
        self._noted.pop(uid, None)

    def __getitem__(self, place: ChannelPlace) -> frozenset[str]:
        """Whose name it is; empty where it is nobody's."""
        return frozenset(uid for uid, noted in self._noted.items() if noted == place)

    def __iter__(self) -> Iterator[ChannelPlace]:
        return iter(set(self._noted.values()))

    def __len__(self) -> int:
        return len(set(self._noted.values()))
