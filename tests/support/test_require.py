"""What is absent fails in CI and is skipped loudly elsewhere."""

import pytest

from tests.support.require import require


def test_what_is_there_lets_the_test_go_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CI", "true")
    require(True, "nothing")


def test_what_is_absent_fails_in_ci(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI must have an API server"):
        require(False, "an API server")


def test_what_is_absent_is_skipped_loudly_elsewhere(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="NOT PROVEN: needs an API server"):
        require(False, "an API server")
