"""Dates of every notation and unit, and of none."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imports.formats import dates

READERS = (dates.from_unix, dates.from_webkit, dates.from_cocoa, dates.from_iso, dates.from_any)
MOMENT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)

plausible = st.datetimes(
    min_value=datetime(1990, 1, 2),
    max_value=datetime(2025, 12, 31),
    timezones=st.just(UTC),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    "value",
    [
        1704164645,
        1704164645.0,
        "1704164645",
        " 1704164645 ",
        "1704164645.0",
        Decimal(1704164645),
        1704164645000,
        "1704164645000",
        1704164645000000,
        "1704164645000000",
        1704164645000000000,
        "1704164645000000000",
    ],
)
def test_one_instant_is_the_same_date_in_every_unix_unit(value: object) -> None:
    assert dates.from_unix(value) == MOMENT
    assert dates.from_any(value) == MOMENT


def test_fractions_of_a_second_survive() -> None:
    assert dates.from_unix(1704164645.25) == MOMENT + timedelta(milliseconds=250)
    assert dates.from_unix("1704164645.25") == MOMENT + timedelta(milliseconds=250)
    assert dates.from_unix(1704164645123) == MOMENT + timedelta(milliseconds=123)
    assert dates.from_unix(1704164645123.5) == MOMENT + timedelta(microseconds=123_500)
    assert dates.from_unix(1704164645123456) == MOMENT + timedelta(microseconds=123_456)
    assert dates.from_unix(1704164645123456789) == MOMENT + timedelta(microseconds=123_456)


@settings(deadline=None)
@given(plausible)
def test_any_plausible_instant_comes_back_from_every_unit(moment: datetime) -> None:
    seconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    whole = moment.replace(microsecond=0)
    assert dates.from_unix(seconds) == whole
    assert dates.from_unix(str(seconds * 1000)) == whole
    assert dates.from_unix(seconds * 1_000_000 + moment.microsecond) == moment
    assert dates.from_webkit((seconds + 11_644_473_600) * 1_000_000 + moment.microsecond) == moment
    assert dates.from_iso(moment.isoformat()) == moment
    assert dates.from_any((seconds + 11_644_473_600) * 1_000_000) == whole


@settings(deadline=None)
@given(plausible, st.integers(min_value=-23 * 60, max_value=23 * 60))
def test_an_offset_is_taken_into_account(moment: datetime, minutes: int) -> None:
    there = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert dates.from_iso(there.isoformat()) == moment
    assert dates.from_iso(there.strftime("%Y-%m-%dT%H:%M:%S.%f%z")) == moment
    assert dates.from_any(there) == moment


@settings(deadline=None)
@given(json_values)
def test_no_value_makes_a_reader_raise(value: object) -> None:
    for read in READERS:
        moment = read(value)
        if moment is not None:
            assert moment.tzinfo is UTC
            assert datetime(1990, 1, 1, tzinfo=UTC) <= moment <= datetime.now(UTC) + timedelta(days=1)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        "0",
        -86400,
        "-86400",
        float("nan"),
        float("inf"),
        float("-inf"),
        1e308,
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("1E+400000"),
        "",
        " ",
        "invalid",
        "NaN",
        "1_704_164_645",
        "١٧٠٤١٦٤٦٤٥",
        "1.7e9",
        int("9" * 4000),
        "9" * 10_000,
        "1." + "9" * 10_000,
        "2024-" + "0" * 10_000,
        "\ud800",
        b"1704164645",
        [1704164645],
        {"date": 1704164645},
        "2024-13-01",
        "2024-02-30T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "31/Foo/2000:13:55:36 +0300",
        "31/Feb/2000:13:55:36 +0300",
        "10/Oct/2000:13:55:36 +9999",
        "Mon, 99 Jan 2024 03:04:05 GMT",
        "Mon, 01 Jan 999999999999999 03:04:05 GMT",
    ],
    ids=repr,
)
def test_what_is_no_date_is_unknown(value: object) -> None:
    assert [read(value) for read in READERS] == [None] * len(READERS)


def test_what_no_person_can_have_saved_is_unknown() -> None:
    tomorrow = datetime.now(UTC) + timedelta(hours=23)
    assert dates.from_iso("1989-12-31T23:59:59Z") is None
    assert dates.from_iso("1990-01-01T00:00:00Z") == datetime(1990, 1, 1, tzinfo=UTC)
    assert dates.from_iso(tomorrow.isoformat()) == tomorrow
    assert dates.from_iso((tomorrow + timedelta(hours=2)).isoformat()) is None
    assert dates.from_unix(86400) is None
    assert dates.from_unix(1_704_164_645_000_000_000_000) is None
    assert dates.from_webkit(1_704_164_645_000_000_000_000) is None
    assert dates.from_webkit(900_000_000_000_000_000) is None
    assert dates.from_cocoa(1_704_164_645_000_000_000_000) is None


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-02T03:04:05Z",
        "2024-01-02T03:04:05z",
        "2024-01-02t03:04:05.0Z",
        "2024-01-02T03:04:05.000000000Z",
        "2024-01-02T03:04:05",
        "2024-01-02 03:04:05",
        "2024-01-02 03:04:05 UTC",
        "2024-01-02 03:04:05.000 GMT",
        "2024-01-02T05:04:05+0200",
        "2024-01-02T05:04:05+02:00",
        "2024-01-02T05:04:05+02",
        "2024-01-02 05:04:05.0 +02:00",
        "2024-01-01 22:04:05 -0500",
        "2024/01/02 03:04:05",
        " 2024-01-02T03:04:05Z\n",
        "20240102T030405Z",
    ],
)
def test_every_way_to_write_an_iso_date_is_read(text: str) -> None:
    assert dates.from_iso(text) == MOMENT
    assert dates.from_any(text) == MOMENT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-02", datetime(2024, 1, 2, tzinfo=UTC)),
        ("2024/01/02", datetime(2024, 1, 2, tzinfo=UTC)),
        ("2024-01-02T03:04Z", datetime(2024, 1, 2, 3, 4, tzinfo=UTC)),
        ("2024-01-02 03:04 UTC", datetime(2024, 1, 2, 3, 4, tzinfo=UTC)),
        ("2024-01-02T03:04:05.1Z", datetime(2024, 1, 2, 3, 4, 5, 100_000, tzinfo=UTC)),
        ("2024-01-02T03:04:05.1234567 UTC", datetime(2024, 1, 2, 3, 4, 5, 123_456, tzinfo=UTC)),
        ("2024-01-02T03:04:05.123456789Z", datetime(2024, 1, 2, 3, 4, 5, 123_456, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2026-03-14 23:55:23.291000+00:00", datetime(2026, 3, 14, 23, 55, 23, 291_000, tzinfo=UTC)),
    ],
)
def test_what_an_iso_date_leaves_out_or_adds_is_understood(text: str, expected: datetime) -> None:
    assert dates.from_iso(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tue, 02 Jan 2024 03:04:05 GMT", MOMENT),
        ("02 Jan 2024 03:04:05 -0000", MOMENT),
        ("Tue, 2 Jan 2024 05:04:05 +0200", MOMENT),
        ("10/Oct/2000:13:55:36 +0300", datetime(2000, 10, 10, 10, 55, 36, tzinfo=UTC)),
        ("10/oct/2000:13:55:36 -0730", datetime(2000, 10, 10, 21, 25, 36, tzinfo=UTC)),
        ("10/Oct/2000:13:55:36 +0", datetime(2000, 10, 10, 13, 55, 36, tzinfo=UTC)),
        ("10/Oct/2000:13:55:36 +3", datetime(2000, 10, 10, 10, 55, 36, tzinfo=UTC)),
        ("10/Oct/2000:13:55:36", datetime(2000, 10, 10, 13, 55, 36, tzinfo=UTC)),
    ],
)
def test_mail_and_server_log_dates_are_read(text: str, expected: datetime) -> None:
    assert dates.from_any(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("June 1, 2023 4:05 PM", datetime(2023, 6, 1, 16, 5, tzinfo=UTC)),
        ("Jun 1st, 2023, 12:05 a.m.", datetime(2023, 6, 1, 0, 5, tzinfo=UTC)),
        ("Thursday, June 1, 2023 at 4:05 PM", datetime(2023, 6, 1, 16, 5, tzinfo=UTC)),
        ("1. Sept. 2023", datetime(2023, 9, 1, tzinfo=UTC)),
        ("02-Jan-2023 16:05:06", datetime(2023, 1, 2, 16, 5, 6, tzinfo=UTC)),
        ("2023/6/1 16:05 (GMT+2)", datetime(2023, 6, 1, 14, 5, tzinfo=UTC)),
        ("31.1.2020 7:30", datetime(2020, 1, 31, 7, 30, tzinfo=UTC)),
        ("3.4.2020", datetime(2020, 4, 3, tzinfo=UTC)),
        ("1/31/2020", datetime(2020, 1, 31, tzinfo=UTC)),
        ("31/1/2020 10:00:05", datetime(2020, 1, 31, 10, 0, 5, tzinfo=UTC)),
        ("4/4/2020", datetime(2020, 4, 4, tzinfo=UTC)),
        ("3/4/2020, 11:02:03 PM", datetime(2020, 3, 4, 23, 2, 3, tzinfo=UTC)),
        ("Mon Jan 02 2023 10:00:00 GMT+0100 (CET)", datetime(2023, 1, 2, 9, tzinfo=UTC)),
        ("Mon Jan 02 2023 10:00:00 GMT-0330 (Newfoundland Standard Time)", datetime(2023, 1, 2, 13, 30, tzinfo=UTC)),
    ],
)
def test_dates_that_people_and_spreadsheets_write_are_read(text: str, expected: datetime) -> None:
    assert dates.from_any(text) == expected


def test_a_spreadsheets_days_are_told_from_seconds() -> None:
    assert dates.from_any("46224") == datetime(2026, 7, 21, tzinfo=UTC)
    assert dates.from_any(45292.75) == datetime(2024, 1, 1, 18, tzinfo=UTC)
    assert dates.from_any("32873") is None
    assert dates.from_unix("46224") is None


@pytest.mark.parametrize(
    "text",
    ["3/4/2020", "3-4-2020 10:00", "Smarch 1, 2020", "1/31/2020 13:05 PM", "2/30/2020", "1/31/2020 25:00", "May 2020"],
)
def test_a_date_of_which_nobody_can_tell_the_day_is_unknown(text: str) -> None:
    assert dates.from_any(text) is None


def test_nine_digits_are_cocoa_seconds_where_unix_seconds_would_precede_all_bookmark_files() -> None:
    assert dates.from_any("631152000") == datetime(2021, 1, 1, tzinfo=UTC)
    assert dates.from_any("725846400") == datetime(2024, 1, 2, tzinfo=UTC)
    assert dates.from_any("820454400") == datetime(1996, 1, 1, tzinfo=UTC)
    assert dates.from_any("985016376") == datetime(2001, 3, 19, 15, 39, 36, tzinfo=UTC)
    assert dates.from_unix("725846400") == datetime(1993, 1, 1, tzinfo=UTC)


def test_the_epochs_of_chrome_and_apple_are_their_own() -> None:
    assert dates.from_webkit("13245909254590000") == datetime(2020, 9, 30, 3, 14, 14, 590_000, tzinfo=UTC)
    assert dates.from_cocoa(725846400.5) == datetime(2024, 1, 2, 0, 0, 0, 500_000, tzinfo=UTC)


def test_a_datetime_without_an_offset_is_utc() -> None:
    assert dates.from_any(MOMENT.replace(tzinfo=None)) == MOMENT


@settings(deadline=None)
@given(st.from_type(int) | st.floats())
def test_a_number_means_the_same_as_its_json_text(number: float) -> None:
    text = json.dumps(number)
    if text.isdigit():
        assert dates.from_unix(text) == dates.from_unix(number)


@settings(deadline=None)
@given(st.integers(0, 26).flatmap(lambda digits: st.integers(0, 10**digits)))
def test_numbers_of_every_magnitude_are_a_plausible_date_or_none(number: int) -> None:
    for value in (number, float(number), str(number), f"{number}.5", Decimal(number)):
        for read in READERS:
            moment = read(value)
            assert moment is None or datetime(1990, 1, 1, tzinfo=UTC) <= moment
