"""Puts parameters into a step: each field in the way that lets a value change nothing but itself.

A manifest, a patch and a JSON body are read first and filled in text by text, so that no value adds a field;
in a URL a value is percent-encoded, in a query it is escaped; a condition has no templates and sees
`parameters`.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar
from urllib.parse import quote

import yaml
from pydantic import BaseModel

from watchbill.api.connection import SecretKeyRef
from watchbill.core import templates

TEMPLATE_LENGTH = 4096
INCIDENT_FIELDS = ("name", "namespace")
"""What of an incident never changes; the rest comes by the `from` of a parameter, which is pinned."""
RUN_FIELDS = ("name", "namespace", "uid")
CONDITIONS = ("condition", "if_")
VERBATIM = ("name", "api_version", "kind", "replicas_parameter", "image")
"""Fields that are no templates, but for the name of a target."""

SHELLS = frozenset({"sh", "ash", "bash", "dash", "ksh", "zsh"})
SCRIPT_OPTION = re.compile(r"-[a-z]*c[a-z]*")
"""The option of a shell after which a script follows."""

Value = str | int | bool
Part = TypeVar("Part", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Scope:
    """What templates can name."""

    parameters: Mapping[str, Value] = field(default_factory=dict)
    incident: Mapping[str, str] = field(default_factory=dict)
    run: Mapping[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, Mapping[str, Value]]:
        """Each variable with its fields."""
        return {
            "parameters": self.parameters,
            "incident": {name: self.incident.get(name, "") for name in INCIDENT_FIELDS},
            "run": {name: self.run.get(name, "") for name in RUN_FIELDS},
        }

    @property
    def vocabulary(self) -> templates.Vocabulary:
        """What a template may name."""
        named = tuple((name, tuple(sorted(fields))) for name, fields in self.variables.items())
        return templates.Vocabulary(named, TEMPLATE_LENGTH)


class Unrenderable(ValueError):
    """A template that cannot be filled in; the message says where under the step, and why."""


def text(template: str, scope: Scope, escape: Callable[[str], str] = str) -> str:
    """The template filled in; raises Unrenderable."""
    if "{" not in template:
        return template
    if problem := templates.template_problem(template, scope.vocabulary):
        raise Unrenderable(problem)
    variables = {
        name: {key: escape(written(value)) for key, value in fields.items()}
        for name, fields in scope.variables.items()
    }
    return templates.filled(template, variables)


def written(value: Value) -> str:
    """A parameter's value as people write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def structure(source: str, scope: Scope) -> Any:
    """YAML read and then filled in; a text that is one parameter alone has its type. Raises Unrenderable."""
    try:
        tree = yaml.safe_load(source)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Unrenderable(f"is no YAML: {said}; a template in it must stand in quotes") from error
    return _leaves(tree, scope)


def rendered(part: Part, scope: Scope, path: str = "") -> Part:
    """The part of a step with all templates in it filled in; raises Unrenderable with the path."""
    changes: dict[str, Any] = {}
    for name, info in type(part).model_fields.items():
        value = getattr(part, name)
        below = f"{path}.{info.alias or name}".lstrip(".")
        found = _field(part, name, value, scope, below)
        if found is not value:
            changes[name] = found
    return part.model_copy(update=changes) if changes else part


def _field(part: BaseModel, name: str, value: Any, scope: Scope, path: str) -> Any:
    verbatim = name in CONDITIONS or (name in VERBATIM and not _is_target_name(part, name))
    if isinstance(value, SecretKeyRef) or value is None or verbatim:
        return value
    if isinstance(value, BaseModel):
        return rendered(value, scope, path)
    if isinstance(value, str):
        return _filled(name, scope, path, value)
    if name == "command":
        _refuse_script(value, path)
    if isinstance(value, tuple):
        return tuple(_item(name, each, scope, f"{path}[{at}]") for at, each in enumerate(value))
    if isinstance(value, dict):
        return {key: _filled(name, scope, f"{path}.{key}", each) for key, each in value.items()}
    return value


def _refuse_script(command: tuple[str, ...], path: str) -> None:
    """Refuse a template in what a shell reads: who runs the runbook could run anything as its account."""
    if not command or command[0].rpartition("/")[2] not in SHELLS:
        return
    for at, (option, script) in enumerate(pairwise(command), start=1):
        if SCRIPT_OPTION.fullmatch(option) and "{{" in script:
            said = 'a shell reads it, so it must hold no template: set a variable in env, and write "$NAME"'
            raise Unrenderable(f"{path}[{at}]: {said}")


def _item(name: str, item: Any, scope: Scope, path: str) -> Any:
    return rendered(item, scope, path) if isinstance(item, BaseModel) else _filled(name, scope, path, item)


def _is_target_name(part: BaseModel, name: str) -> bool:
    return name == "name" and "api_version" in type(part).model_fields


def _filled(name: str, scope: Scope, path: str, value: str) -> str:
    try:
        match name:
            case "manifest" | "patch":
                return json.dumps(structure(value, scope), sort_keys=True)
            case "body":
                return _body(value, scope)
            case "url" | "base_url":
                return _url(value, scope)
            case "query":
                return text(value, scope, _quotable)
            case _:
                return text(value, scope)
    except Unrenderable as error:
        raise Unrenderable(f"{path}: {error}") from error
    except TypeError as error:  # YAML knows dates and bytes, JSON does not.
        raise Unrenderable(f"{path}: holds what JSON has no word for; put it in quotes") from error


def _url(value: str, scope: Scope) -> str:
    """The URL filled in; no value is a dot segment, which no escape hides (RFC 3986, section 6.2.2)."""
    found = text(value, scope, partial(quote, safe=""))
    if found != value and {".", ".."} & set(found.partition("?")[0].split("/")):
        raise Unrenderable("a parameter must not make `.` or `..` a part of the path")
    return found


def _body(value: str, scope: Scope) -> str:
    try:
        json.loads(value)
    except ValueError:
        return text(value, scope)
    return json.dumps(structure(value, scope))


def _quotable(value: str) -> str:
    """The value as it stands within a quoted text of PromQL."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'")
    return escaped.replace("\n", "\\n")


def _leaves(tree: Any, scope: Scope) -> Any:
    if isinstance(tree, dict):
        return {str(key): _leaves(value, scope) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_leaves(value, scope) for value in tree]
    if not isinstance(tree, str) or "{" not in tree:
        return tree
    filled = text(tree, scope)
    match templates.sole_field(tree):
        case ("parameters", name):
            return scope.parameters[name]
    return filled
