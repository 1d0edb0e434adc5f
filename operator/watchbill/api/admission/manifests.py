"""The admission policies as manifests: what the API server itself refuses and fills in.

They hold while the operator is down.
"""

from collections.abc import Sequence

import yaml

from watchbill.api.admission.accounts import run_status, runbook_account
from watchbill.api.admission.acts import incident_acts
from watchbill.api.admission.deletion import incident_deletion
from watchbill.api.admission.parameters import runbook_run_parameters
from watchbill.api.admission.policy import Manifest
from watchbill.api.admission.runs import runbook_runs
from watchbill.api.admission.secrets import connection_secrets
from watchbill.api.admission.severity import incident_severity
from watchbill.api.admission.stamp import incident_stamp, run_stamp, update_stamp
from watchbill.api.admission.status import incident_status
from watchbill.api.admission.updates import incident_updates
from watchbill.api.group import DEFAULT_OPERATOR_USER


def policies(operator_user: str = DEFAULT_OPERATOR_USER) -> list[Manifest]:
    """Every policy that refuses, and its binding; the one that is watched for at installation is last."""
    return [
        *incident_deletion(),
        *connection_secrets(),
        *runbook_account(),
        *run_status(operator_user),
        *runbook_runs(operator_user),
        *runbook_run_parameters(operator_user),
        *incident_status(operator_user),
        *incident_severity(operator_user),
        *incident_updates(operator_user),
        *incident_acts(operator_user),
    ]


def stamps(operator_user: str = DEFAULT_OPERATOR_USER) -> list[Manifest]:
    """Every policy that fills in an author, and its binding; they need Kubernetes 1.36."""
    return [*update_stamp(operator_user), *run_stamp(operator_user), *incident_stamp(operator_user)]


class _Dumper(yaml.SafeDumper):
    """Folds what holds quotes, in place of doubling each of them."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """The node of a text."""
        style = ">" if "'" in text else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _Dumper.represent_text)


def to_yaml(manifests: Sequence[Manifest]) -> str:
    """The manifests as one stream of YAML documents."""
    return yaml.dump_all(manifests, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
