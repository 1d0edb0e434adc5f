"""The image's recipe, and what a cluster of this machine's own asks of the machine."""

import re
from pathlib import Path

import pytest

from dev.errors import DevError
from dev.layout import REPOSITORY, Layout
from dev.realcluster import images, machine, needs, settings
from dev.realcluster.addresses import ADDRESS
from dev.realcluster.settings import Place

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()


def test_every_tool_that_is_absent_is_named_in_a_sentence_with_its_package(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(needs, "PLUGIN_DIRECTORIES", (Path("/nonexistent"),))
    monkeypatch.setattr(needs, "CGROUPS", Path("/nonexistent"))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(DevError) as refused:
        needs.require_node({"PATH": "/nonexistent"})
    said = str(refused.value).splitlines()
    assert said == [
        "A cluster of processes needs root: run this as root.",
        "`buildah` is not on the path; Debian has it in the package buildah.",
        "`mmdebstrap` is not on the path; Debian has it in the package mmdebstrap.",
        "`runc` is not on the path; Debian has it in the package runc.",
        "`ip` is not on the path; Debian has it in the package iproute2.",
        "`iptables` is not on the path; Debian has it in the package iptables.",
        "`conntrack` is not on the path; Debian has it in the package conntrack.",
        "No cgroups are mounted at /nonexistent; containers need those of cpu, memory and pids.",
        "No CNI plugins are in /nonexistent; Debian has them in containernetworking-plugins.",
    ]


def test_an_archive_is_named_by_what_the_image_is_made_of_and_by_nothing_else(tmp_path: Path):
    for name in images.FILES:
        (tmp_path / name).write_text(name)
    source = tmp_path / "operator" / "watchbill" / "main.py"
    source.parent.mkdir(parents=True)
    source.write_text("one")
    (tmp_path / "requirements").mkdir()
    for name in ("build.txt", "runtime.txt", "tracing.txt"):
        (tmp_path / "requirements" / name).write_text("")
    before = images.digest(tmp_path)
    source.with_suffix(".pyc").write_text("compiled")
    (tmp_path / "tests").mkdir()
    (tmp_path / "requirements" / "dev.txt").write_text("pytest")
    assert images.digest(tmp_path) == before
    source.write_text("two")
    assert images.digest(tmp_path) != before


def test_what_the_dockerfile_copies_is_let_in_and_names_the_archive():
    copied = [
        word
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for word in line.split()[:-1]
    ]
    let_in = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert [path for path in copied if f"!{path}" not in let_in] == []
    assert set(copied) <= set(images.CONTEXT)


def test_the_image_runs_as_a_number_and_takes_nothing_whose_hash_is_not_locked():
    final = DOCKERFILE.rpartition("FROM ${BASE}")[2]
    assert "USER 10001:10001\n" in final
    assert 'ENTRYPOINT ["watchbill"]\nCMD ["run"]\n' in final
    installs = re.findall(r"pip .*?install (.*?)(?:&&|\n(?! ))", DOCKERFILE, re.DOTALL)
    assert len(installs) == 3
    assert [each for each in installs if "--require-hashes" not in each and "--no-index" not in each] == []


def test_nothing_of_the_node_touches_the_loopback_address_or_the_tracking_of_connections():
    proxy = settings.kube_proxy(Path("kubeconfig"))
    assert proxy["nodePortAddresses"] == [f"{ADDRESS}/32"]
    assert proxy["iptables"]["localhostNodePorts"] is False
    assert set(proxy["conntrack"].values()) == {0, "0s"}


def test_a_place_counts_as_changed_from_the_moment_that_what_was_there_is_remembered(tmp_path: Path):
    place = Place(Layout(tmp_path))
    assert not machine.is_changed(place)
    place.home.mkdir()
    place.file("changed.json").write_text("{}")
    assert machine.is_changed(place)
