"""The policy on who may have a Secret used: only who may read it."""

from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel

from watchbill.api.admission.policy import ME, Manifest, matching, refusal, validating
from watchbill.api.connection import ConnectionSpec, SecretKeyRef
from watchbill.api.verbs import CONNECTIONS

NAME = "watchbill-connection-secrets"


def connection_secrets() -> list[Manifest]:
    """The policy and its binding.

    It asks again at every change of the spec: another URL sends the same Secret elsewhere.
    """
    changes = "oldObject == null || object.spec != oldObject.spec"
    spec = {
        "matchConstraints": matching(CONNECTIONS, "CREATE", "UPDATE"),
        "matchConditions": [{"name": "spec-changes", "expression": changes}],
        "validations": [_readable(path) for path in secret_paths(ConnectionSpec)],
    }
    return validating(NAME, spec)


def _readable(path: tuple[str, ...]) -> Manifest:
    """One validation for each path, since a message cannot ask the authorizer which Secret it was."""
    name = ".".join(["object.spec", *(f"?{part}" for part in path), "?name"]) + ".orValue('')"
    asked = f"authorizer.group('').resource('secrets').namespace(request.namespace).name({name})"
    return refusal(
        f"{name} == '' || {asked}.check('get').allowed()",
        f"spec.{'.'.join(path)}: `${{{ME}}}` may not read Secret `${{{name}}}`, so may not have it used: ask "
        "for the verb `get` on that Secret in namespace `${request.namespace}`",
    )


def secret_paths(model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    """The path of every field of a model, at any depth, that names a key of a Secret.

    Raises TypeError for one within a list or a map, where the policy would not look.
    """
    for name, field in model.model_fields.items():
        path = field.alias or name
        for part, is_repeated in _models_within(field.annotation):
            below = [()] if part is SecretKeyRef else list(secret_paths(part))
            if is_repeated and below:
                raise TypeError(f"{model.__name__}.{path} repeats a reference to a Secret")
            yield from ((path, *rest) for rest in below)


def _models_within(annotation: object, is_repeated: bool = False) -> Iterator[tuple[type[BaseModel], bool]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, is_repeated
    origin = getattr(annotation, "__origin__", None)
    for argument in get_args(annotation):
        yield from _models_within(argument, is_repeated or origin in (tuple, list, set, frozenset, dict))
