"""The patch that gives Argo CD its actions, made of the scripts that lie in Argo CD's own layout."""

from pathlib import Path
from textwrap import indent

from dev.layout import REPOSITORY
from watchbill.api.escalation_policy import EscalationPolicy
from watchbill.api.group import GROUP
from watchbill.api.runbook import Runbook

ACTIONS = "config/argocd/actions.yaml"
SCRIPTS = "config/argocd/actions"
KEY = f"resource.customizations.actions.{GROUP}_"
MODELS = (EscalationPolicy, Runbook)
"""The kinds that can be suspended; their actions are the same."""

HEADER = f"""# The actions that Argo CD shows: a merge patch of its ConfigMap `argocd-cm`.
# What they do and how to apply them: docs/howto/gitops.md. Made by `make generate`
# from {SCRIPTS}; edit the scripts there.
"""


def actions_patch() -> str:
    """The patch, as YAML: each kind with the script that finds its actions, and that of each action."""
    folder = REPOSITORY / SCRIPTS
    parts = [_script("discovery.lua", folder / "discovery.lua"), "definitions:\n"]
    for file in sorted(folder.glob("*/action.lua")):
        parts += [f"- name: {file.parent.name}\n", indent(_script("action.lua", file), "  ")]
    first, *others = (f"  {KEY}{model.kind_name}:" for model in MODELS)
    text = f"{first} &actions |\n{indent(''.join(parts), '    ')}"
    return "".join([HEADER, "data:\n", text, *(f"{other} *actions\n" for other in others)])


def _script(name: str, file: Path) -> str:
    return f"{name}: |\n{indent(file.read_text(encoding='utf-8'), '  ')}"
