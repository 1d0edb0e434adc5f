"""What no file of the project may say: where it was written, or where packages came from."""

import re

import pytest

from tests.architecture.sources import ROOT, project_files

# Each is put together here, so that this file passes its own test.
MACHINE_PATHS = ["/" + folder for folder in ("work/", "root/", "tmp/bash_" + "jobs", "opt/" + "wheels")]
HOSTS = [
    ".".join(labels)
    for labels in (
        ("pypi", "org"),
        ("python" + "hosted", "org"),
        ("npmjs", "org"),
        ("proxy", "golang", "org"),
        ("sum", "golang", "org"),
        ("crates", "io"),
        ("deb", "debian", "org"),
        ("repo1", "maven", "org"),
        ("repo", "maven", "apache", "org"),
    )
]
FORBIDDEN = re.compile(
    "|".join(rf"(?<![\w.]){re.escape(path)}" for path in MACHINE_PATHS)
    + "|"
    + "|".join(map(re.escape, HOSTS))
    + r"|\bissue\s+#\d+",
    re.IGNORECASE,
)


def texts() -> dict[str, str]:
    """Return the project's text files by path."""
    found = {}
    for path in project_files():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content:
            found[path] = content.decode("utf-8")
    return found


def test_no_file_names_the_machine_a_registry_or_a_ticket():
    assert [
        f"{path}:{number}: {line.strip()[:100]}"
        for path, text in texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if FORBIDDEN.search(line)
    ] == []


@pytest.mark.parametrize("word", [*MACHINE_PATHS, *HOSTS, "Issue " + "#12"])
def test_the_words_are_found(word: str):
    assert FORBIDDEN.search(f"see {word}x")


@pytest.mark.parametrize("word", ["network/", "the issue", "example.com/work/", "golang.org/x/net"])
def test_other_words_pass(word: str):
    assert not FORBIDDEN.search(f"see {word}")
