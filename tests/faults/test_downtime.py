"""Nobody runs for hours, and then somebody does."""

from datetime import timedelta

import pytest

from tests.faults.stage import Stage
from tests.faults.virtual_time import played
from tests.support.builders import target

DOWN = timedelta(hours=8)


@pytest.mark.convention(61)
@pytest.mark.parametrize("minutes", [5, 300])
def test_after_a_long_downtime_the_latest_due_level_is_paged_once_and_says_how_late_it_is(minutes: int):
    played(lambda: returned(minutes))


async def returned(minutes: int) -> None:
    """With levels so many minutes apart: all of them are over by then, or the second is the latest due."""
    stage = Stage()
    names = ("first", "second", "third")
    stage.furnish(*((name, f"{minutes}m", [target("pagerduty")]) for name in names))
    await stage.open()
    uid = stage.declare()
    await stage.paged("first", uid)
    await stage.recorded(uid)
    stage.leader.kill(back_after=DOWN)
    await stage.rest(DOWN.total_seconds() - 60)
    assert len(stage.vendors.pages) == 1
    latest = "second" if minutes == 300 else "lastResort"
    await stage.wait("the page that was due", lambda: len(stage.vendors.pages) > 1)
    await stage.rest(120)
    assert [page.level for page in stage.vendors.pages] == ["first", latest]
    (page,) = [each for each in stage.status()["pages"] if each["level"] == latest]
    assert page["late"].startswith("3h" if minutes == 300 else "7h4")
    assert "LevelMissed" in [each["kind"] for each in stage.status()["timeline"]] or minutes == 300
    await stage.close()
