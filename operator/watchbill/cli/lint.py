"""`watchbill lint`: what is wrong with manifests, found without a cluster."""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from watchbill.api.group import API_VERSION
from watchbill.cli.conformity import faults, schema_of
from watchbill.cli.findings import Finding, as_json, has_errors
from watchbill.cli.findings import Path as FieldPath
from watchbill.cli.links import Identity, World, broken_links, identity_of, open_links, read, world_of
from watchbill.cli.manifests import Manifest, files_in, read_manifests
from watchbill.core.readiness import field_path


class Output(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"


def lint(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", exists=True, help="Folders and files with manifests, all at once."),
    ],
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Where objects are that name no namespace.")
    ] = "default",
    output: Annotated[Output, typer.Option("--output", "-o", help="How findings are printed.")] = Output.TEXT,
) -> None:
    """Find what the API server would refuse in manifests and what would not be Ready.

    Needs no cluster. Give every folder whose objects name each other: what is in none of them counts as
    missing. Exits 1 where there are errors; warnings alone exit 0.
    """
    files = files_in(paths)
    found = examine(files, namespace)
    if not files:
        typer.echo(f"no manifest was found in {', '.join(map(str, paths))}: name another folder", err=True)
    if output is Output.JSON:
        typer.echo(as_json(found))
    else:
        for finding in found:
            typer.echo(str(finding))
        errors = sum(finding.level == "error" for finding in found)
        typer.echo(f"errors: {errors}, warnings: {len(found) - errors}", err=True)
    raise typer.Exit(1 if has_errors(found) else 0)


def examine(files: Iterable[Path], namespace: str) -> list[Finding]:
    """Every finding in these files taken together, in the order of files and lines."""
    manifests: list[Manifest] = []
    found: list[Finding] = []
    for file in files:
        more, unreadable = read_manifests(file)
        manifests += more
        found += unreadable
    world = world_of(manifests, namespace)
    found += _repeated(manifests, namespace)
    for manifest in manifests:
        if manifest.is_ours:
            found += _Examination(manifest, namespace).findings(world)
    return sorted(found)


class _Examination:
    """Looks at one object."""

    def __init__(self, manifest: Manifest, namespace: str) -> None:
        self._manifest = manifest
        self._model = read(manifest, namespace)
        self._label = label(identity_of(manifest, namespace))

    def findings(self, world: World) -> Iterator[Finding]:
        """What is wrong with the object itself, and with what it names."""
        manifest = self._manifest
        schema = schema_of(manifest.kind)
        version = manifest.content.get("apiVersion")
        if version != API_VERSION or schema is None:
            yield self._finding((), f"{version} has no kind {manifest.kind} in this version of Watchbill")
            return
        wrong = faults(schema, manifest.content)
        for fault in wrong:
            yield self._finding(fault.path, fault.message)
        if "status" in manifest.content:
            yield self._finding(("status",), "the operator writes it; leave it out", "warning")
        if self._model is None:
            return
        for problem in broken_links(self._model, world):
            if steps_of(problem.path) not in [fault.path for fault in wrong]:
                yield self._finding(steps_of(problem.path), problem.message)
        for reference in open_links(self._model, world):
            text = f"{reference} is not in these files; it must exist in the cluster"
            yield self._finding(steps_of(reference.path), text, "warning")

    def _finding(
        self, path: FieldPath, message: str, level: Literal["error", "warning"] = "error"
    ) -> Finding:
        line = self._manifest.line(path)
        return Finding(self._manifest.file, line, self._label, field_path(path), message, level)


def _repeated(manifests: Iterable[Manifest], namespace: str) -> Iterator[Finding]:
    """Objects that are there twice: an overlay may be meant between files, never within one."""
    seen: dict[Identity, Manifest] = {}
    for manifest in manifests:
        identity = identity_of(manifest, namespace)
        before = seen.get(identity)
        if before is not None and manifest.is_ours and not identity[2].endswith("*"):
            text = f"is also at {before.file}:{before.line()}; whichever is applied last wins"
            level: Literal["error", "warning"] = "error" if before.file == manifest.file else "warning"
            yield Finding(manifest.file, manifest.line(), label(identity), "", text, level)
        seen[identity] = manifest


def label(identity: Identity) -> str:
    """The kind, namespace and name as one word: `EscalationPolicy/shop/primary`."""
    return "/".join(part for part in identity if part)


def steps_of(path: str) -> FieldPath:
    """The steps of a field's path: `spec.levels[0]` is `("spec", "levels", 0)`."""
    steps = re.findall(r"[^.\[\]]+", path)
    return tuple(int(step) if step.isdecimal() else step for step in steps)
