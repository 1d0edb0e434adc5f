"""The parts of the Helm chart that are made from the models and from the files that install without Helm."""

from collections.abc import Callable
from functools import partial
from typing import Any

import yaml

from dev.layout import REPOSITORY
from watchbill.api.admission.manifests import policies, stamps, to_yaml
from watchbill.api.crd import crd, render_yaml
from watchbill.api.group import GROUP, VERSION
from watchbill.api.kinds import KINDS, Kind

CHART = "charts/watchbill"
"""The folder of the chart, below the root of the checkout."""

HEADER = "{{- /* Made by `make generate`; edit the models, or examples/roles, instead. */ -}}\n"

USER = "OPERATOR-USER"
"""What stands for the operator's user name until the chart is rendered; no YAML has to quote it."""

STAMPS = '(eq .Values.admission.stamp "auto") (semverCompare ">=1.36-0" .Capabilities.KubeVersion.Version)'
"""True where the API server knows policies that fill in authors."""

LABELS = '  labels:\n    {{- include "watchbill.labels" . | nindent 4 }}\n'

MADE = "  # What follows is made by `make generate`.\n"
"""The line of Chart.yaml below which all is made."""

AGGREGATES = "rbac.authorization.k8s.io/aggregate-to-"


def crd_template(kind: Kind) -> str:
    """The template of one kind's CustomResourceDefinition."""
    text = escaped(render_yaml([crd(kind)]))
    metadata = '  {{- include "watchbill.crdMetadata" . | nindent 2 }}\n'
    return HEADER + when(".Values.crds.enabled", text.replace("metadata:\n", f"metadata:\n{metadata}", 1))


def policies_template() -> str:
    """The template of the admission policies that refuse."""
    return HEADER + when(".Values.admission.enabled", _for_release(to_yaml(policies(USER))))


def stamps_template() -> str:
    """The template of the admission policies that fill in authors."""
    wanted = f'(or (eq .Values.admission.stamp "always") (and {STAMPS}))'
    return HEADER + when(f"and .Values.admission.enabled {wanted}", _for_release(to_yaml(stamps(USER))))


def roles_template() -> str:
    """The template of the roles for people, those of examples/roles."""
    files = sorted((REPOSITORY / "examples/roles").glob("*.yaml"))
    roles = [role for file in files for role in yaml.safe_load_all(file.read_text(encoding="utf-8"))]
    return HEADER + when(".Values.rbac.roles", "---\n".join(map(_role, roles)))


def chart_yaml() -> str:
    """Chart.yaml as it lies in the checkout, with the annotations about our kinds made anew."""
    head, mark, _ = (REPOSITORY / CHART / "Chart.yaml").read_text(encoding="utf-8").partition(MADE)
    if not mark:
        raise ValueError(f"Chart.yaml must have the line {MADE.strip()!r}")
    return (
        head
        + mark
        + _annotation("crds", [_described(kind) for kind in KINDS])
        + _annotation("crdsExamples", list(_examples().values()))
    )


def when(condition: str, text: str) -> str:
    """The text, rendered only where the condition holds."""
    return f"{{{{- if {condition} }}}}\n{text}{{{{- end }}}}\n"


def escaped(text: str) -> str:
    """The text as a template that renders it: what looks like an action is none."""
    return text.replace("{{", '{{ "{{" }}')


def _for_release(text: str) -> str:
    """The manifests with the chart's labels, for the user name that the operator has in the release."""
    labelled = escaped(text).replace("\nspec:\n", f"\n{LABELS}spec:\n")
    return labelled.replace(USER, '{{ include "watchbill.operatorUser" . }}')


def _role(role: dict[str, Any]) -> str:
    metadata = role["metadata"]
    labels = LABELS
    for label in metadata.get("labels", {}):
        labels += f"    {label}: {{{{ .Values.rbac.aggregate.{label.removeprefix(AGGREGATES)} | quote }}}}\n"
    head = f"apiVersion: {role['apiVersion']}\nkind: {role['kind']}\n"
    rules = yaml.safe_dump({"rules": role["rules"]}, sort_keys=False, default_flow_style=None, width=120)
    return f"{head}metadata:\n  name: {metadata['name']}\n{labels}{rules}"


def _annotation(name: str, value: list[dict[str, Any]]) -> str:
    text = yaml.safe_dump(value, sort_keys=False, width=120)
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    return f"  artifacthub.io/{name}: |\n{lines}"


def _described(kind: Kind) -> dict[str, Any]:
    name = f"{kind.plural}.{GROUP}"
    described = {"kind": kind.name, "version": VERSION, "name": name, "displayName": kind.name}
    return described | {"description": kind.description.partition(". ")[0].rstrip(".")}


def _examples() -> dict[str, dict[str, Any]]:
    """The first object of each kind in the demo, and a runbook."""
    found: dict[str, dict[str, Any]] = {}
    for name in ("demo/incident", "demo/platform", "demo/team", "runbooks/runbook"):
        text = (REPOSITORY / "examples" / f"{name}.yaml").read_text(encoding="utf-8")
        for each in yaml.safe_load_all(text):
            if each["apiVersion"].startswith(f"{GROUP}/"):
                found.setdefault(each["kind"], each)
    return found


FILES: list[tuple[str, Callable[[], str]]] = [
    *((f"{CHART}/templates/crds/{kind.plural}.yaml", partial(crd_template, kind)) for kind in KINDS),
    (f"{CHART}/templates/admission/policies.yaml", policies_template),
    (f"{CHART}/templates/admission/stamp.yaml", stamps_template),
    (f"{CHART}/templates/roles.yaml", roles_template),
    (f"{CHART}/Chart.yaml", chart_yaml),
]
"""Every generated file of the chart but its README, and what its text is made by."""
