"""Dates in texts, as Json.NET's default DateParseHandling sees them (library; docs/dialect.md, rows C16 and C17)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

_LONGEST_DATE = 40
# DateTimeParser.ParseTime takes at most seven digits of the fraction (the possessive quantifier: all it can get), then
# ParseZone must reach the end. It is lax: a colon or two digits may follow anything, and without a sign they mean
# nothing, so nine digits of a fraction are a date while eight are none (read in source).
_ISO_DATE = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,7}+))?"
    r"(?:([Zz])|(?:([+-])(\d\d))?(?::(\d\d)?|(\d\d))?)",
    re.ASCII,
)
# The first plus sign counts, or else the first minus sign behind the number's own. Two characters of the offset must
# be a number, which may be -5; they and whatever follows them mean nothing beyond that.
_MICROSOFT_DATE = re.compile(
    r"/Date\((-?[0-9]{1,19})(?:\+(-[0-9]|[0-9]{2})(.*)|-(-[0-9]|[0-9]{2})([^+]*))?\)/", re.DOTALL
)
_MINUTES = re.compile(r"-[0-9]|[0-9]{2}")
_INT64 = 1 << 63
_TICKS_OF_1970 = 621_355_968_000_000_000
_MOST_TICKS = 3_155_378_975_999_999_999


# How a text begins that may be a date beyond .NET's calendar; the second form is the end of its last day.
BEYOND_CALENDAR = ("/Date(", "9999-12-31T24:")


class DateOutOfRange(Exception):
    """The text is a date that .NET can't hold: the reader throws at it."""


class ClrDate:
    """A date that Json.NET recognised in a string: how it is written back and how it prints in a message."""

    __slots__ = ("json", "text")

    def __init__(self, moment: datetime, ticks: int, zone: str) -> None:
        fraction = f".{ticks:07d}".rstrip("0").rstrip(".")
        self.json = f"{moment:%Y-%m-%dT%H:%M:%S}".zfill(19) + fraction + zone
        hour = moment.hour % 12 or 12
        half = "AM" if moment.hour < 12 else "PM"
        self.text = f"{moment.month}/{moment.day}/{moment.year:04d} {hour}:{moment:%M:%S} {half}"


def parse_date(text: str, zone: tzinfo = UTC) -> ClrDate | None:
    """Return the date that Json.NET's default DateParseHandling sees in a string, or None (rows C16, C17).

    An offset is converted to `zone`, the server's own (which one that is, is assumed).
    """
    try:
        return checked_date(text, zone)
    except DateOutOfRange:  # a reader of bodies has refused it before
        return None


def checked_date(text: str, zone: tzinfo = UTC, *, verbatim: bool = False) -> ClrDate | None:
    """Return the date as `parse_date` does; raise DateOutOfRange where .NET can't hold it.

    `verbatim`: see `microsoft_date`.
    """
    if text.startswith("/"):
        return microsoft_date(text, zone, verbatim=verbatim)
    # A short look first: nearly every string that is converted is no date.
    if not 19 <= len(text) <= _LONGEST_DATE or text[10] != "T":
        return None
    iso = _ISO_DATE.fullmatch(text)
    return _iso_date(iso, zone) if iso else None


def microsoft_date(text: str, zone: tzinfo = UTC, *, verbatim: bool = False) -> ClrDate | None:
    """Return the date of `/Date(1704448800000+0200)/`, whose offset only says that it is one; or DateOutOfRange.

    `verbatim`: the text stands in the body without an escape. The library then takes the offset's length for its place
    in the buffer, and never looks at the minutes (row C17).
    """
    found = _MICROSOFT_DATE.fullmatch(text) if text.startswith("/Date(") else None
    if found is None or not -_INT64 <= int(found[1]) < _INT64:
        return None
    rest = found[3] or found[5]
    if rest and not verbatim and not _MINUTES.match(rest):
        return None
    return date_of_milliseconds(int(found[1]), zone if found[2] or found[4] else None)


def date_of_milliseconds(milliseconds: int, zone: tzinfo | None = None) -> ClrDate:
    """Return the date so long after 1970, as JavaScript counts; raise DateOutOfRange where .NET can't hold it.

    It shows UTC and ends in Z, unless a zone is given.
    """
    ticks = milliseconds * 10_000 + _TICKS_OF_1970
    ticks = (ticks + _INT64) % (2 * _INT64) - _INT64  # unchecked 64-bit arithmetic: it wraps around
    if not 0 <= ticks <= _MOST_TICKS:
        raise DateOutOfRange
    moment, fraction = datetime(1, 1, 1) + timedelta(microseconds=ticks // 10), ticks % 10_000_000
    return ClrDate(moment, fraction, "Z") if zone is None else _in_server_zone(moment, fraction, timedelta(), zone)


def _iso_date(match: re.Match[str], zone: tzinfo) -> ClrDate | None:
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    ticks = int((match[7] or "").ljust(7, "0"))
    midnight = hour == 24 and not (minute or second or ticks)
    try:
        moment = datetime(year, month, day, 0 if midnight else hour, minute, second) + timedelta(days=midnight)
    except ValueError:
        return None
    except OverflowError:
        raise DateOutOfRange from None
    if match[8]:
        return ClrDate(moment, ticks, "Z")
    if not match[9]:
        return ClrDate(moment, ticks, "")
    offset = timedelta(hours=int(match[10]), minutes=int(match[11] or match[12] or 0))
    return _in_server_zone(moment, ticks, offset if match[9] == "+" else -offset, zone)


def _in_server_zone(moment: datetime, ticks: int, offset: timedelta, zone: tzinfo) -> ClrDate:
    """Return a moment of that offset as the zone's clocks show it, whose offset then is in whole minutes.

    Where UTC is beyond the calendar's ends, Json.NET takes the zone's offset at the moment as sent, and keeps the first
    or last tick (read in source).
    """
    try:
        shown = (moment - offset).replace(tzinfo=UTC).astimezone(zone)
    except OverflowError:
        shown = moment.replace(tzinfo=zone)
    minutes = int((shown.utcoffset() or timedelta()) / timedelta(minutes=1))
    difference = timedelta(minutes=minutes) - offset
    try:
        moment += difference
    except OverflowError:
        moment, ticks = (datetime.min, 0) if difference < timedelta() else (datetime.max, 9_999_999)
    return ClrDate(moment, ticks, f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}")
