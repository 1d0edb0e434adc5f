"""The base models, and the bounded field types that every kind is written with."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.alias_generators import to_camel

from watchbill.api.durations import DURATION_PATTERN


def ceil_to_millisecond(moment: datetime) -> datetime:
    """The moment in UTC, rounded up to a whole millisecond, so that a stored deadline is never early."""
    micro = moment.microsecond % 1000
    up = moment if micro == 0 else moment + timedelta(microseconds=1000 - micro)
    return up.astimezone(UTC)


@lru_cache(maxsize=2048)
def format_time(moment: datetime) -> str:
    """The RFC 3339 text of a moment, in UTC with milliseconds: `2026-03-29T01:30:00.000Z`."""
    return ceil_to_millisecond(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_as(word: str | None) -> WrapValidator:
    """The validator of an open enumeration in a status: a newer operator's word is read as this one.

    So an older process can read, during a rolling upgrade or back from one, what a newer has written.
    """

    def read(value: Any, known: ValidatorFunctionWrapHandler) -> Any:
        try:
            return known(value)
        except ValidationError:
            return word

    return WrapValidator(read)


class SpecModel(BaseModel):
    """A frozen part of what users write; fields that it does not know are ignored."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore")


class StatusModel(BaseModel):
    """A frozen part of what the operator writes; fields of a newer version survive a round trip."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="allow")

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """The part with these fields replaced, which are not validated.

        A decision makes dozens of such copies, and pydantic's own way takes twenty times as long. Which
        fields were ever set, for which nothing here asks, is not kept up to date.
        """
        if deep or not update or not update.keys() <= self.__dict__.keys():
            return super().model_copy(update=update, deep=deep)
        copied = self.__class__.__new__(self.__class__)
        object.__setattr__(copied, "__dict__", {**self.__dict__, **update})
        object.__setattr__(copied, "__pydantic_extra__", self.__pydantic_extra__)
        object.__setattr__(copied, "__pydantic_fields_set__", self.__pydantic_fields_set__)
        object.__setattr__(copied, "__pydantic_private__", self.__pydantic_private__)
        return copied

    def to_json(self, only: set[str] | None = None) -> dict[str, Any]:
        """The part as JSON data under its API names, be it only of these fields; defaults are left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True, include=only)

    def unshared(self, other: Self) -> set[str]:
        """The names of the fields that are not one object in memory with the other's: all else is equal."""
        here = {**self.__dict__, **(self.__pydantic_extra__ or {})}
        there = {**other.__dict__, **(other.__pydantic_extra__ or {})}
        names = here.keys() | there.keys()
        return {name for name in names if here.get(name) is not there.get(name)}


class ObjectMeta(SpecModel):
    """The part of Kubernetes' ObjectMeta that Watchbill reads."""

    name: str = ""
    generate_name: str | None = None
    namespace: str | None = None
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: AwareDatetime | None = None
    deletion_timestamp: AwareDatetime | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


Time = Annotated[AwareDatetime, PlainSerializer(format_time, return_type=str)]
"""A moment: RFC 3339, UTC, milliseconds."""

Generation = Annotated[int, Field(ge=0, le=2**53 - 1)]
"""A generation of an object; the bound is the largest integer that every JSON reader keeps exact."""

DnsLabel = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
"""An RFC 1123 label: the name of a level, of a namespace."""

ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
"""An RFC 1123 subdomain: the name of an object."""

KindName = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
"""The name of an object of our own kinds, Incident excepted: a CEL rule keeps them this short."""

SeverityName = Annotated[
    str, Field(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$")
]
"""The name of a row of a severity matrix, such as `SEV-1`."""

UserName = Annotated[str, Field(min_length=1, max_length=253)]
"""A Kubernetes user name, as `kubectl auth whoami` prints it."""

Duration = Annotated[str, Field(min_length=2, max_length=32, pattern=DURATION_PATTERN)]
"""A GEP-2257 duration; each field states its own bounds in a CEL rule."""

HOST = r"(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)"
"""A host name or an address, an IPv6 address in brackets; user information has no place in it."""

Url = Annotated[
    str,
    Field(min_length=1, max_length=2048, pattern=rf"^https?://{HOST}(:[0-9]{{1,5}})?([/?#]\S*)?$"),
]
"""An http or https URL without user information."""

LinkUrl = Annotated[
    str,
    Field(
        min_length=1,
        max_length=256,
        pattern=r"^https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?([/?#][!-~]*)?$",
    ),
]
"""An http or https URL in ASCII without user information, short enough to be kept in many an incident."""

Origin = Annotated[
    str,
    Field(min_length=1, max_length=512, pattern=rf"^https?://{HOST}(:[0-9]{{1,5}})?(/[^\s?#]*)?$"),
]
"""An http or https URL without query or fragment, to which a vendor's path is appended."""

_URL = TypeAdapter(Url)


def is_url(text: str) -> bool:
    """Whether the text is a `Url` that a request can go to: its port is one, and every character prints.

    The text may be a credential, so the error, which would quote it, is not raised further.
    """
    try:
        _URL.validate_python(text)
        return text.isprintable() and urlsplit(text).port != 0
    except (ValidationError, ValueError):
        return False


_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"

MailAddress = Annotated[
    str,
    Field(min_length=3, max_length=254, pattern=rf"^{_ATOM}(\.{_ATOM})*@{_LABEL}(\.{_LABEL})*$"),
]
"""A mail address in ASCII, without a display name: RFC 5321 has it at most 254 characters long."""

MailHost = Annotated[
    str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9:]([A-Za-z0-9.:-]*[A-Za-z0-9])?$")
]
"""A host name or an address, an IPv6 address without brackets."""
