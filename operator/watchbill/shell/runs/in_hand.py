"""Outcomes of runs that are not in etcd yet. One in hand is never dropped while its run goes on."""

from watchbill.core.runs.outcomes import RunOutcome
from watchbill.shell.cache import ObjectKey


class InHand:
    """The one memory that a reconcile of a run has besides etcd."""

    def __init__(self) -> None:
        self._outcomes: dict[ObjectKey, list[RunOutcome]] = {}

    def add(self, key: ObjectKey, outcome: RunOutcome) -> None:
        """Keep an outcome until it is written."""
        self._outcomes.setdefault(key, []).append(outcome)

    def of(self, key: ObjectKey, uid: str) -> list[RunOutcome]:
        """The outcomes of the run of this UID, the oldest first; those of another of its name are dropped."""
        kept = [each for each in self._outcomes.get(key, ()) if each.effect.run.uid == uid]
        self._keep(key, kept)
        return list(kept)

    def keys(self) -> list[ObjectKey]:
        """The runs of which outcomes are in hand."""
        return list(self._outcomes)

    def written(self, key: ObjectKey, number: int) -> None:
        """Forget this many outcomes, the oldest: they are in etcd now."""
        self._keep(key, self._outcomes.get(key, [])[number:])

    def forget(self, key: ObjectKey) -> None:
        """Forget a run that is over or gone."""
        self._outcomes.pop(key, None)

    def _keep(self, key: ObjectKey, outcomes: list[RunOutcome]) -> None:
        if outcomes:
            self._outcomes[key] = outcomes
        else:
            self._outcomes.pop(key, None)
