"""Which incidents rest: nothing but an event can change them."""

from watchbill.api.incident_status import IncidentStatus
from watchbill.core.lifecycle import OPEN


def may_rest(status: IncidentStatus) -> bool:
    """Whether an incident of this status waits for people alone: it is taken or over, and pages nobody."""
    pages = status.phase in (None, "Pending", "Triggered") or status.escalation.state not in (
        "Idle",
        "Stopped",
    )
    # Whoever has no policy yet is woken by one that appears.
    waits = status.policy is None and status.phase in OPEN
    channel = status.resources.channel
    # What keeps the channel from being used may be mended at any time, which is seen in memory alone.
    lacks = channel is not None and channel.reason != ""
    # While a vendor is still to be told, the watchdog looks at it.
    tells = any(hop.closing and hop.closing.state == "Pending" for page in status.pages for hop in page.hops)
    return not (pages or waits or lacks or tells)
