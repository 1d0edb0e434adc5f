"""What a write may change, and what it is refused for."""

from typing import Any

from tests.support.apiserver.answers import Refusal, bad_request, conflict, invalid, unversioned
from tests.support.apiserver.resources import NAMESPACES, Body, Resource

GIVEN = ("annotations", "finalizers", "generateName", "labels", "name", "namespace", "ownerReferences")
"""The metadata that whoever writes may choose; of all else the server is the only author."""

KEPT = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "namespace",
    "resourceVersion",
    "uid",
)
"""The metadata that stays as it is when an object is written."""

OTHER_NAMESPACE = "the namespace of the provided object does not match the namespace sent on the request"


def merged(old: Any, change: Any) -> Any:
    """What an RFC 7386 merge patch makes of a value."""
    if not isinstance(change, dict):
        return change
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def metadata_of(body: Body) -> Body:
    """The metadata of an object as it was sent."""
    return body.get("metadata") or {}


def given(metadata: Body) -> Body:
    """What counts of the metadata that was sent; what is empty is left out."""
    return {name: metadata[name] for name in GIVEN if metadata.get(name)}


def with_status(old: Body, wanted: Body) -> Body:
    """The object with the other's status; nothing else of it counts, its uid and its labels included."""
    new = {key: value for key, value in old.items() if key != "status"}
    return new | ({"status": wanted["status"]} if wanted.get("status") is not None else {})


def with_all_but_status(resource: Resource, old: Body, wanted: Body) -> Body:
    """The other object, with what the server keeps of the old one."""
    check_immutable(resource, old["metadata"], metadata_of(wanted))
    kept = {name: value for name, value in old["metadata"].items() if name in KEPT}
    apart = {"metadata", "status"} if resource.custom else {"metadata"}
    before = {key: value for key, value in old.items() if key not in apart}
    content = {key: value for key, value in wanted.items() if key not in apart}
    content = {**resource.identity, **(resource.defaults or {}), **content}
    if resource is NAMESPACES:
        content = before
    if resource.custom and content != before:
        kept["generation"] += 1
    status = {"status": old["status"]} if resource.custom and "status" in old else {}
    return content | status | {"metadata": given(metadata_of(wanted)) | kept}


def check_kind(resource: Resource, body: Body) -> None:
    """Refuse an object of another kind, or of another version."""
    version = body.get("apiVersion", resource.api_version)
    if version != resource.api_version:
        raise bad_request(
            f"the API version in the data ({version}) does not match the expected API version "
            f"({resource.api_version})"
        )
    kind = body.get("kind", resource.kind)
    if kind != resource.kind:
        name = metadata_of(body).get("name", "")
        why = f'Invalid value: "{kind}": must be {resource.kind}'
        message = f'{kind}.{resource.group} "{name}" is invalid: kind: {why}'
        cause = {"reason": "FieldValueInvalid", "message": why, "field": "kind"}
        about = {"name": name, "group": resource.group, "kind": kind, "causes": [cause]}
        raise Refusal(422, "Invalid", message, about)


def check_place(metadata: Body, namespace: str, name: str) -> None:
    """Refuse an object that says that it is elsewhere."""
    if metadata.get("name") != name:
        other = metadata.get("name", "")
        raise bad_request(f"the name of the object ({other}) does not match the name on the URL ({name})")
    if metadata.get("namespace", namespace) != namespace:
        raise bad_request(OTHER_NAMESPACE)


def check_version(resource: Resource, old: Body, metadata: Body) -> None:
    """Refuse a write that was made for another version than the present one."""
    version = str(metadata.get("resourceVersion") or "0")
    if not version.isdecimal():
        raise Refusal(500, "", f'strconv.ParseUint: parsing "{version}": invalid syntax')
    if int(version) == 0:
        if not resource.unconditional:
            raise unversioned(resource, old["metadata"]["name"])
    elif version != old["metadata"]["resourceVersion"]:
        raise conflict(resource, old["metadata"]["name"])


def check_uid(resource: Resource, key: str, wanted: str | None, found: str) -> None:
    """Refuse a PUT of an object that was another one of the same name."""
    if not wanted or wanted == found:
        return
    folder = f"{resource.group}/{resource.plural}" if resource.custom else resource.plural
    why = (
        f"StorageError: invalid object, Code: 4, Key: /registry/{folder}/{key}, ResourceVersion: 0, "
        f"AdditionalErrorMsg: Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}"
    )
    raise conflict(resource, key.rpartition("/")[2], why)


def check_preconditions(resource: Resource, old: Body, wanted: Body) -> None:
    """Refuse to delete something else than what was meant."""
    metadata = old["metadata"]
    for field, label, why in (
        ("uid", "UID", "deleted and then recreated"),
        ("resourceVersion", "ResourceVersion", "modified"),
    ):
        if wanted.get(field, metadata[field]) != metadata[field]:
            message = (
                f"the {label} in the precondition ({wanted[field]}) does not match the {label} in record "
                f"({metadata[field]}). The object might have been {why}"
            )
            raise conflict(resource, metadata["name"], message, of_kind=True)


def check_immutable(resource: Resource, before: Body, wanted: Body) -> None:
    """Refuse another uid, an end by hand, and what would put off an end that has begun."""
    ending = "deletionTimestamp" in before
    for field in ("uid",) if ending else ("uid", "deletionTimestamp"):
        if wanted.get(field) not in (None, before.get(field)):
            why = f'Invalid value: "{wanted[field]}": field is immutable'
            raise invalid(resource, before["name"], f"metadata.{field}", why)
    new = sorted(set(wanted.get("finalizers") or []) - set(before.get("finalizers") or []))
    if ending and new:
        quoted = ", ".join(f'"{each}"' for each in new)
        why = (
            "Forbidden: no new finalizers can be added if the object is being deleted, "
            f"found new finalizers []string{{{quoted}}}"
        )
        raise invalid(resource, before["name"], "metadata.finalizers", why, "Forbidden")
