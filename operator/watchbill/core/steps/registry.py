"""The kinds of steps by name: the one list. To add a kind `x`:

1. `api/step.py`: a model, an optional field in the union, and its name in `KINDS` or `ACTING`.
2. `core/steps/x.py`: what it would do, does and looks at, as `contract.py` says; never send.
3. This file: one entry.
4. `tests/core/steps/test_x.py`: success, failure and what nobody can tell.
5. `examples/runbooks/x.yaml`: one Runbook that uses it.
6. `tests/support/step_cases.py`: how it fails and how it takes too long on a real API server.

Then `make generate`. `tests/architecture/test_step_kinds.py` names the step that was forgotten.
"""

from collections.abc import Mapping
from types import MappingProxyType

from watchbill.core.steps.check import CheckKind
from watchbill.core.steps.contract import Kind
from watchbill.core.steps.flag import FlagKind
from watchbill.core.steps.http import HttpKind
from watchbill.core.steps.job import JobKind
from watchbill.core.steps.kubernetes import KubernetesKind
from watchbill.core.steps.manual import ManualKind
from watchbill.core.steps.nested import NestedKind
from watchbill.core.steps.notify import NotifyKind
from watchbill.core.steps.rollback import RollbackKind
from watchbill.core.steps.traffic import TrafficKind
from watchbill.core.steps.wait import WaitKind

STEP_KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "manual": ManualKind(),
        "check": CheckKind(),
        "wait": WaitKind(),
        "kubernetes": KubernetesKind(),
        "job": JobKind(),
        "http": HttpKind(),
        "notify": NotifyKind(),
        "runbook": NestedKind(),
        "rollback": RollbackKind(),
        "traffic": TrafficKind(),
        "flag": FlagKind(),
    }
)
"""What a step can do, by its field in the union. A run with a step of another kind is Blocked."""
