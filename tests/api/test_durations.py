"""The test vectors of GEP-2257 (Gateway API), and what lies beyond them."""

from datetime import timedelta

import pytest

from watchbill.api.durations import MILLISECOND, format_duration, parse_duration

VALID = {
    "0h": ("0s", timedelta()),
    "0s": ("0s", timedelta()),
    "0h0m0s": ("0s", timedelta()),
    "1h": ("1h", timedelta(hours=1)),
    "30m": ("30m", timedelta(minutes=30)),
    "10s": ("10s", timedelta(seconds=10)),
    "500ms": ("500ms", timedelta(milliseconds=500)),
    "2h30m": ("2h30m", timedelta(hours=2, minutes=30)),
    "150m": ("2h30m", timedelta(hours=2, minutes=30)),
    "7230s": ("2h30s", timedelta(hours=2, seconds=30)),
    "1h30m10s": ("1h30m10s", timedelta(hours=1, minutes=30, seconds=10)),
    "10s30m1h": ("1h30m10s", timedelta(hours=1, minutes=30, seconds=10)),
    "100ms200ms300ms": ("600ms", timedelta(milliseconds=600)),
    "1h2h20m10m": ("3h30m", timedelta(hours=3, minutes=30)),
    "00060m": ("1h", timedelta(hours=1)),
    "99999h": ("99999h", timedelta(hours=99_999)),
}

INVALID = {
    "1": "a missing unit",
    "0": "a zero without unit",
    "": "nothing",
    "1m1": "a second component without unit",
    "1d": "days",
    "1h30m10s20ms50h": "too many components",
    "999999h": "too many digits",
    "1.5h": "a fraction",
    "-15m": "a negative length",
    "5m\n": "a line break at the end",
    " 5m": "a space",
    "PT5M": "ISO 8601",
    "5M": "a unit in upper case",
    "5µs": "less than a millisecond",
    "\u0665m": "digits of another script",
}

FORMATTED = {
    "0s": timedelta(),
    "1h": timedelta(hours=1),
    "30m": timedelta(minutes=30),
    "10s": timedelta(seconds=10),
    "500ms": timedelta(seconds=0.5),
    "2h30m": timedelta(hours=2, minutes=30),
    "1h30m10s": timedelta(hours=1, minutes=30, seconds=10),
    "600ms": timedelta(milliseconds=600),
    "2h600ms": timedelta(hours=2, milliseconds=600),
    "2h30m600ms": timedelta(hours=2, minutes=30, milliseconds=600),
    "2h30m10s600ms": timedelta(hours=2, minutes=30, seconds=10, milliseconds=600),
    "30s": timedelta(minutes=0.5),
    "240h": timedelta(days=10),
}


@pytest.mark.parametrize("text", VALID)
def test_a_gep2257_duration_is_parsed(text):
    assert parse_duration(text) == VALID[text][1]


@pytest.mark.parametrize("text", VALID)
def test_a_gep2257_duration_has_one_canonical_form(text):
    canonical, length = VALID[text]
    assert format_duration(length, MILLISECOND) == canonical
    assert parse_duration(canonical) == length


@pytest.mark.parametrize("text", INVALID, ids=INVALID.values())
def test_what_gep2257_does_not_allow_is_refused_by_name(text):
    with pytest.raises(ValueError, match="is not a duration such as 30s, 5m or 1h30m") as refused:
        parse_duration(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize("text", FORMATTED)
def test_a_length_is_formatted_as_gep2257_says(text):
    assert format_duration(FORMATTED[text], MILLISECOND) == text


def test_people_read_whole_seconds():
    assert format_duration(timedelta(minutes=6, seconds=5, milliseconds=432)) == "6m5s"


def test_less_than_the_unit_and_less_than_nothing_is_0s():
    assert format_duration(timedelta(microseconds=100), MILLISECOND) == "0s"
    assert format_duration(timedelta(minutes=-15)) == "0s"


def test_a_length_that_no_duration_can_say_is_refused():
    with pytest.raises(ValueError, match="longer than a duration can say"):
        format_duration(timedelta(days=10_000))
