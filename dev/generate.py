"""Writes what is made from the models, or tells which of it is stale.

A further generator adds its rows to `GENERATED`; nothing else needs to know of it.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from dev.argocd import ACTIONS, actions_patch
from dev.chart import CHART
from dev.chart import FILES as CHART_FILES
from dev.chart_readme import README, readme_page
from dev.commands_reference import COMMANDS, commands_page
from dev.conventions import PAGE, conventions_page
from dev.fields_reference import FOLDER, fields_page, path_of
from dev.layout import REPOSITORY
from dev.metrics_reference import METRICS, metrics_page
from dev.reference import CONDITIONS, LIFECYCLE, conditions_page, lifecycle_page
from watchbill.api.admission.manifests import policies, stamps, to_yaml
from watchbill.api.crd import crd, render_yaml
from watchbill.api.group import GROUP
from watchbill.api.kinds import KINDS, Kind

HEADER = "# Made by `make generate` from operator/watchbill/api; edit the models instead.\n"

STAMP_HEADER = "# For Kubernetes 1.36 and later. Below, leave this file out: people type their own names.\n"

WHOLLY_GENERATED = (
    "crds/*.yaml",
    "config/admission/*.yaml",
    f"{FOLDER}/*.md",
    f"{CHART}/templates/crds/*.yaml",
    f"{CHART}/templates/admission/*.yaml",
)
"""The files of which one that nothing makes any more is a leftover."""

Row = tuple[str, Callable[[], str]]
"""A path below the root of the checkout, and what its text is made by."""


def crd_text(kind: Kind) -> str:
    """The file of one kind's CustomResourceDefinition."""
    return HEADER + render_yaml([crd(kind)])


GENERATED: list[Row] = [
    *((f"crds/{kind.plural}.{GROUP}.yaml", partial(crd_text, kind)) for kind in KINDS),
    ("config/admission/policies.yaml", lambda: HEADER + to_yaml(policies())),
    ("config/admission/stamp.yaml", lambda: HEADER + STAMP_HEADER + to_yaml(stamps())),
    (ACTIONS, actions_patch),
    (LIFECYCLE, lifecycle_page),
    (CONDITIONS, conditions_page),
    (METRICS, metrics_page),
    (COMMANDS, commands_page),
    (PAGE, conventions_page),
    *((path_of(kind), partial(fields_page, kind)) for kind in KINDS),
    *CHART_FILES,
    (README, readme_page),
]
"""Every generated file; each text is the same for the same models."""


def stale(root: Path = REPOSITORY) -> dict[Path, str | None]:
    """The files that differ from what they should be, with their right text; None for a leftover."""
    found: dict[Path, str | None] = {root / path: text() for path, text in GENERATED}
    leftovers = {file: None for file in _generated_files(root) if file not in found}
    return {file: text for file, text in (found | leftovers).items() if _text(file) != text}


def main(check: bool, root: Path = REPOSITORY) -> int:
    """The exit code: 1 when `check` is set and a file is stale; else the files are written, and 0."""
    found = stale(root)
    for file, text in found.items():
        done = "removed" if text is None else "written"
        print(f"{'stale' if check else done}: {file.relative_to(root)}")
        if not check:
            _write(file, text)
    if check and found:
        print("Run `make generate`, and commit what it writes.")
    return 1 if check and found else 0


def _generated_files(root: Path) -> Iterator[Path]:
    for pattern in WHOLLY_GENERATED:
        yield from sorted(root.glob(pattern))


def _text(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.exists() else None


def _write(file: Path, text: str | None) -> None:
    if text is None:
        file.unlink()
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
