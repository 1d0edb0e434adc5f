"""Reads manifests from YAML files as kubectl does, and remembers on which line each field stands."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from watchbill.api.group import GROUP
from watchbill.cli.findings import Finding
from watchbill.cli.findings import Path as FieldPath
from watchbill.core.readiness import field_path

SUFFIXES = (".yaml", ".yml")
DEPTH, NODES = 60, 200_000
"""How deep and how large a document may be: aliases let a short one grow without end."""

_SCALARS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float"))


@dataclass(frozen=True)
class Manifest:
    """One object of a file, and the lines on which its fields stand."""

    file: str
    content: dict[str, Any]
    lines: dict[FieldPath, int] = field(repr=False)
    prefix: FieldPath = ()
    """Where the object lies in its document; not empty for an item of a List."""

    @property
    def kind(self) -> str:
        """The kind, or the empty string."""
        return str(self.content.get("kind", ""))

    @property
    def is_ours(self) -> bool:
        """Whether it belongs to our API group."""
        return str(self.content.get("apiVersion", "")).partition("/")[0] == GROUP

    def line(self, path: FieldPath = ()) -> int:
        """The line of a field, else of the nearest that contains it; the first line is 1."""
        here = self.prefix + path
        while here and here not in self.lines:
            here = here[:-1]
        return self.lines.get(here, 1)


class Unreadable(Exception):
    """A file that cannot be read on, the line where it ends to make sense, and why."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


def files_in(paths: Iterable[Path]) -> list[Path]:
    """The YAML files below the folders, hidden ones apart, and the files that are named themselves."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            below = [each for each in path.rglob("*") if each.suffix in SUFFIXES and each.is_file()]
            visible = [each for each in below if not _is_hidden(each.relative_to(path))]
            found |= dict.fromkeys(sorted(visible))
        else:
            found[path] = None
    return list(found)


def read_manifests(path: Path) -> tuple[list[Manifest], list[Finding]]:
    """The objects of one file that matter here, and what is wrong with the file itself."""
    manifests: list[Manifest] = []
    findings: list[Finding] = []
    try:
        for node in yaml.compose_all(path.read_bytes(), Loader=yaml.SafeLoader):
            if _matters(node):
                document = _Document(str(path))
                manifests += _objects(document.file, document.value(node, ()), document.lines)
                findings += document.findings
    except Unreadable as error:
        findings.append(Finding(str(path), error.line, "", "", error.message))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        findings.append(Finding(str(path), line, "", "", f"not YAML: {error.problem or error.context}"))
    except (yaml.YAMLError, RecursionError, OSError) as error:
        text = str(error).partition("\n")[0]
        findings.append(Finding(str(path), 1, "", "", f"cannot be read: {text}"))
    return manifests, findings


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _matters(node: yaml.Node | None) -> bool:
    """Whether a document is of our group, or a Secret or List that may hold what ours refer to."""
    if not isinstance(node, yaml.MappingNode):
        return False
    scalars = [(key, value) for key, value in node.value if isinstance(value, yaml.ScalarNode)]
    top = {key.value: value.value for key, value in scalars if isinstance(key, yaml.ScalarNode)}
    return top.get("apiVersion", "").startswith(f"{GROUP}/") or top.get("kind") in ("Secret", "List")


def _objects(
    file: str, content: Any, lines: dict[FieldPath, int], prefix: FieldPath = ()
) -> Iterator[Manifest]:
    if not isinstance(content, dict):
        return
    if content.get("kind") != "List":
        yield Manifest(file, content, lines, prefix)
        return
    items = content.get("items")
    for index, item in enumerate(items if isinstance(items, list) else []):
        yield from _objects(file, item, lines, (*prefix, "items", index))


class _Document:
    """Turns the nodes of one document into plain values, noting lines and keys that are given twice."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[FieldPath, int] = {}
        self.findings: list[Finding] = []
        self._nodes = 0
        self._constructor = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, path: FieldPath) -> Any:
        """The value as JSON would hold it; raises Unreadable for one that never ends."""
        self._nodes += 1
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if len(path) > DEPTH or self._nodes > NODES:
            raise Unreadable(line, f"deeper than {DEPTH} levels or larger than {NODES} values")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: FieldPath) -> dict[str, Any]:
        names = [key.value for key, _ in node.value]
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise Unreadable(key.start_mark.line + 1, "a key must be a plain text")
            if names.count(key.value) > 1 and key.value != "<<":
                names.remove(key.value)
                text = "given more than once; only the last counts"
                here = field_path((*path, key.value))
                self.findings.append(Finding(self.file, key.start_mark.line + 1, "", here, text))
        self._constructor.flatten_mapping(node)
        found: dict[str, Any] = {}
        for key, value in node.value:
            place: FieldPath = (*path, str(key.value))
            self.lines[place] = key.start_mark.line + 1
            found[str(key.value)] = self.value(value, place)
        return found

    def _scalar(self, node: yaml.Node) -> Any:
        # kubectl reads neither moments nor numbers to the base of 60: both stay text.
        if node.tag not in _SCALARS or ":" in node.value:
            return node.value
        try:
            return self._constructor.construct_object(node)
        except ValueError:
            return node.value
