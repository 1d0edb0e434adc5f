"""Flags in a file that flagd reads and a ConfigMap holds, as flagd's JSON schema has them.

The file stays as it is but for the fields of one flag; it is read as JSON and written with its own indent.
"""

import json
import re
from dataclasses import dataclass
from functools import cached_property

from watchbill.api.flag import Flagd
from watchbill.api.probe import TargetRef
from watchbill.core.steps import targets
from watchbill.core.steps.contract import Answer, ApiRequest, RunFacts
from watchbill.core.steps.setting import Json, Value

INDENT = re.compile(r"\n([ \t]+)\S")


@dataclass(frozen=True)
class FileFlag:
    """One flag of a file."""

    flag: Flagd
    run: RunFacts

    @property
    def what(self) -> str:
        """Which flag, in which ConfigMap."""
        return f"set flag {self.flag.feature} in ConfigMap {self.flag.config_map_key_ref.name}"

    @cached_property
    def wanted(self) -> Value:
        """The fields that are set, by their names in the file."""
        fields = {"defaultVariant": self.flag.default_variant, "state": self.flag.state}
        return {name: value for name, value in fields.items() if value is not None}

    @property
    def reading(self) -> ApiRequest:
        """The ConfigMap."""
        return targets.reading(_target(self.flag), self.run)

    def found(self, body: Json) -> Value | str:
        """The fields as they are; null for one that the flag has not."""
        flag = self._flag(self._file(body))
        return flag if isinstance(flag, str) else {name: flag.get(name) for name in self.wanted}

    def refusal(self, body: Json) -> str:
        """A variant that the flag has not would have clients take the default in their own code."""
        flag, variant = self._flag(self._file(body)), self.flag.default_variant
        assert isinstance(flag, dict)
        if variant is not None and variant not in (flag.get("variants") or {}):
            return f"flag {self.flag.feature} has no variant {variant}"
        return targets.unsafe(body, self.run)

    def writing(self, body: Json, value: Value) -> ApiRequest:
        """The file with these fields of the flag, as a patch of its key alone."""
        file = self._file(body)
        flag = self._flag(file)
        assert isinstance(flag, dict)
        flag.update(value)
        for name in [name for name, each in value.items() if each is None]:
            del flag[name]
        key = self.flag.config_map_key_ref.key
        patch = {"data": {key: _written(file, body["data"][key])}}
        place, name = self.reading.namespace, self.reading.name
        text = json.dumps(patch, sort_keys=True)
        return ApiRequest("patch", "v1", "ConfigMap", place, name, body=text, content="merge")

    def comparable(self, body: Json) -> Json:
        """The ConfigMap with what its file says in place of the file."""
        data = dict(body.get("data") or {})
        return body | {"data": data | {self.flag.config_map_key_ref.key: self._file(body)}}

    def said(self, answer: Answer) -> str:
        """What the API server said."""
        return answer.message

    def _file(self, body: Json) -> Json | str:
        key = self.flag.config_map_key_ref.key
        text = (body.get("data") or {}).get(key)
        if text is None:
            return f"there is no key {key}"
        try:
            file = json.loads(text)
        except ValueError:
            return f"what is under the key {key} is no JSON"
        return file if isinstance(file, dict) else f"what is under the key {key} is no file of flags"

    def _flag(self, file: Json | str) -> Json | str:
        """The flag in the file, which has flags by key or in a list."""
        if isinstance(file, str):
            return file
        flags = file.get("flags")
        if isinstance(flags, list):
            flags = {each.get("key"): each for each in flags if isinstance(each, dict)}
        found = flags.get(self.flag.feature) if isinstance(flags, dict) else None
        return found if isinstance(found, dict) else f"there is no flag {self.flag.feature}"


def file_setting(flag: Flagd, run: RunFacts) -> FileFlag | str:
    """The flag, if its ConfigMap is within the runbook's scope."""
    return targets.out_of_scope(targets.place(_target(flag), run), run) or FileFlag(flag, run)


def _target(flag: Flagd) -> TargetRef:
    ref = flag.config_map_key_ref
    return TargetRef(api_version="v1", kind="ConfigMap", name=ref.name, namespace=ref.namespace)


def _written(file: Json | str, before: str) -> str:
    """The file as text, indented as it was."""
    indent = INDENT.search(before)
    text = json.dumps(file, ensure_ascii=False, indent=indent[1] if indent else None)
    return text + "\n" if before.endswith("\n") else text
