"""What is to be performed, and what it was decided on."""

from dataclasses import dataclass

from pydantic import ValidationError

from watchbill.api.incident import Incident, IncidentSpec
from watchbill.core.effects import Effect
from watchbill.core.prose import says_the_same
from watchbill.shell.cache import ObjectKey, Raw


@dataclass(frozen=True, slots=True)
class Order:
    """An effect to perform, and how new the object was that it was decided on."""

    key: ObjectKey
    effect: Effect
    generation: int
    spec: IncidentSpec | None = None
    """What the incident said, where an incident is what it was decided on."""

    def holds_for(self, raw: Raw) -> bool:
        """Whether the object, as it is now, says nothing of which the effect knows nothing.

        Who only edits the text of an incident, be it without end, keeps no page from leaving.
        """
        if int(raw["metadata"].get("generation", 0)) == self.generation:
            return True
        if self.spec is None:
            return False
        try:
            return says_the_same(self.spec, Incident.model_validate(raw).spec)
        except ValidationError:
            return False
