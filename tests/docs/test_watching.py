"""The page on watching the watcher names what the operator says."""

from dev.layout import REPOSITORY
from watchbill.api.reasons import EventReason
from watchbill.shell.heartbeat import Silence
from watchbill.shell.overdue import ACTIONS
from watchbill.shell.testpage import KEY_PREFIX, NOTE

PAGE = (REPOSITORY / "docs/howto/watch-the-watcher.md").read_text(encoding="utf-8")


def test_every_reason_for_silence_has_its_row():
    assert [reason for reason in Silence if f"\n| `{reason.value}` |" not in PAGE] == []


def test_every_kind_of_what_is_overdue_is_told():
    assert [action for action in ACTIONS if f'`action="{action}"`' not in PAGE] == []
    assert EventReason.ACTION_OVERDUE.value in PAGE


def test_the_key_and_the_record_of_a_test_page_are_told():
    assert f"`{KEY_PREFIX}/`" in PAGE
    assert f"`{NOTE}`" in PAGE
