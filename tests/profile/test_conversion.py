"""Values as .NET reads them into members: dates, booleans and numbers at the edges that no recorded run reaches."""

from __future__ import annotations

from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.errors import BadRequest
from mockserver.patch.pointer import ProfilePointer, list_index
from mockserver.profile.clr_text import UNDEFINED, Constructor, clr_text
from mockserver.profile.conversion import ConversionError, convert
from mockserver.profile.dates import DateOutOfRange, microsoft_date, parse_date
from mockserver.profile.members import MemberTree


def ascii_id(value: str | None) -> str:
    return ascii(value)[:48]


DAY = "2024-01-05T10:00:00"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (f"{DAY}", DAY),
        (f"{DAY}.1234567Z", f"{DAY}.1234567Z"),
        (f"{DAY}.12345678", None),
        (f"{DAY}.12345678Z", None),
        (f"{DAY}.123456789", f"{DAY}.1234567"),
        (f"{DAY}.123456789Z", None),
        (f"{DAY}.1234567890", None),
        (f"{DAY}.99999995", None),
        (f"{DAY}.", None),
        (f"{DAY}.Z", None),
        (f"{DAY}z", f"{DAY}Z"),
        (f"{DAY}Zulu", None),
        (f"{DAY}+05", "2024-01-05T05:00:00+00:00"),
        (f"{DAY}+05:", "2024-01-05T05:00:00+00:00"),
        (f"{DAY}+05:3", None),
        (f"{DAY}+0530", "2024-01-05T04:30:00+00:00"),
        (f"{DAY}-05:30", "2024-01-05T15:30:00+00:00"),
        (f"{DAY}+5:30", None),
        (f"{DAY}+99:99", "2024-01-01T05:21:00+00:00"),
        (f"{DAY}:", DAY),
        (f"{DAY}:30", DAY),
        (f"{DAY}30", DAY),
        (f"{DAY} ", None),
        ("2024-01-05t10:00:00", None),
        ("2024-01-05T24:00:00.000", "2024-01-06T00:00:00"),
        ("2024-01-05T24:00:00.001", None),
        ("2024-01-05T24:00:01", None),
        ("0000-01-05T10:00:00", None),
        ("0001-01-01T00:00:00+01:00", "0001-01-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59-01:00", "9999-12-31T23:59:59.9999999+00:00"),
        ("２024-01-05T10:00:00", None),
        (f"{DAY}.1234567{' ' * 20}", None),
        ("/Date(0)/", "1970-01-01T00:00:00Z"),
        ("/Date(1704448800000+0530)/", "2024-01-05T10:00:00+00:00"),
        (f"/Date({'0' * 5000})/", None),
        (f"/Date({'9' * 20})/", None),
        ("/Date(9223372036854775807)/", "1969-12-31T23:59:59.999Z"),
        ("/Date(253402300799999)/", "9999-12-31T23:59:59.999Z"),
        ("/Date(-62135596800000)/", "0001-01-01T00:00:00Z"),
        ("/Date(0+02)/", "1970-01-01T00:00:00+00:00"),
        ("/Date(0--5)/", "1970-01-01T00:00:00+00:00"),
        ("/Date(0+02:00)/", None),
        ("/Date(0+2)/", None),
        ("/Date(1-2+03)/", None),
        ("/Date(+1)/", None),
        ("/Date(--1)/", None),
        ("", None),
    ],
    ids=ascii_id,
)
def test_dates(text: str, written: str | None) -> None:
    """What DateTimeParser sees in a text, and how the date is written back; None: the text stays as it is."""
    date = parse_date(text)
    assert (date.json if date else None) == written


NEW_YORK, KOLKATA = "America/New_York", "Asia/Kolkata"


# By hand: New York is 5 hours behind UTC, and 4 from 2024-03-10T07:00Z to 2024-11-03T06:00Z; Kolkata is 5:30 ahead.
@pytest.mark.parametrize(
    ("zone", "text", "written"),
    [
        (NEW_YORK, f"{DAY}+00:00", "2024-01-05T05:00:00-05:00"),
        (NEW_YORK, "2024-07-05T10:00:00.25+02:00", "2024-07-05T04:00:00.25-04:00"),
        (NEW_YORK, "2024-01-05T01:00:00+00:00", "2024-01-04T20:00:00-05:00"),
        (NEW_YORK, "2024-03-10T06:59:59+00:00", "2024-03-10T01:59:59-05:00"),
        (NEW_YORK, "2024-03-10T07:00:00+00:00", "2024-03-10T03:00:00-04:00"),
        (NEW_YORK, "2024-11-03T05:30:00+00:00", "2024-11-03T01:30:00-04:00"),
        (NEW_YORK, "2024-11-03T06:30:00+00:00", "2024-11-03T01:30:00-05:00"),
        (NEW_YORK, f"{DAY}Z", f"{DAY}Z"),
        (NEW_YORK, DAY, DAY),
        (NEW_YORK, "/Date(1704448800000+0200)/", "2024-01-05T05:00:00-05:00"),
        (NEW_YORK, "/Date(1704448800000)/", "2024-01-05T10:00:00Z"),
        (NEW_YORK, "9999-12-31T23:59:59-01:00", "9999-12-31T19:59:59-05:00"),
        (KOLKATA, f"{DAY}-05:30", "2024-01-05T21:00:00+05:30"),
        (KOLKATA, "9999-12-31T23:59:59+00:00", "9999-12-31T23:59:59.9999999+05:30"),
    ],
)
def test_an_offset_becomes_the_offset_of_the_servers_zone(zone: str, text: str, written: str) -> None:
    """Also where its clocks go back and an hour comes twice; what has no offset stays as it is."""
    date = parse_date(text, ZoneInfo(zone))
    assert date is not None
    assert date.json == written


def test_a_message_shows_the_time_of_the_servers_zone() -> None:
    """Alone, and inside an object."""
    date = f"{DAY}+00:00"
    assert clr_text(date, dates=ZoneInfo(NEW_YORK)) == "1/5/2024 5:00:00 AM"
    assert clr_text({"Value": date}, dates=ZoneInfo(NEW_YORK)) == '{\n  "Value": "2024-01-05T05:00:00-05:00"\n}'


@given(st.text("0123456789-+:.TZz/Date()", max_size=45))
def test_any_text_is_a_date_or_not(text: str) -> None:
    """And a date is written in a form that is read as the same date."""
    date = parse_date(text)
    if date is not None:
        again = parse_date(date.json)
        assert again is not None
        assert again.json == date.json


@pytest.mark.parametrize("blank", ["", " ", "\t\n\v\f\r", "\x85", "\u00a0", "\u2003", "\u3000", "\0", " \0 "])
def test_blanks_around_booleans(blank: str, tree: MemberTree) -> None:
    """bool.TryParse trims all white space that .NET knows, and NULs."""
    member = tree.root.members["IsActive"]
    assert convert(f"{blank}True{blank}", member) is True
    assert convert(f"{blank}fALSE{blank}", member) is False


@pytest.mark.parametrize("text", ["\x1ctrue", "\u200btrue", "\ufefftrue", "tr ue", "fal\u017fe", "1", "yes", ""])
def test_what_is_no_boolean(text: str, tree: MemberTree) -> None:
    """Neither what only Python takes for white space, nor letters that only look alike."""
    with pytest.raises(ConversionError):
        convert(text, tree.root.members["IsActive"])


@pytest.mark.parametrize(
    ("text", "number"),
    [("0" * 5000 + "1", 1), ("-" + "0" * 5000 + "12", -12), ("0" * 5000, 0), (" +7 ", 7),
     ("9223372036854775807", 2**63 - 1)],
    ids=["padded", "padded and negative", "zeros", "sign and spaces", "largest"],
)  # fmt: skip
def test_integers_in_text(text: str, number: int, tree: MemberTree) -> None:
    """Leading zeros don't count, however many."""
    assert convert(text, tree.root.members["ProfileId"]) == number


@pytest.mark.parametrize(
    "text", ["9" * 5000, "9223372036854775808", "1" + "0" * 5000, "-", "+", " ", "1 2", "\u0661"], ids=ascii_id
)
def test_what_is_no_integer(text: str, tree: MemberTree) -> None:
    """Too large, or no number: refused, never an error of the mock's own."""
    with pytest.raises(ConversionError):
        convert(text, tree.root.members["ProfileId"])


@pytest.mark.parametrize(
    ("segment", "index"),
    [("0" * 5000, 0), ("0" * 5000 + "2", 2), ("+" + "0" * 5000 + "1", 1), ("-0", 0), (" 1 ", 1), ("2\0\0", 2)],
    ids=["zeros", "padded", "sign", "minus zero", "spaces", "NULs"],
)
def test_indices(segment: str, index: int) -> None:
    """What int.TryParse takes is an index."""
    assert list_index(segment, 3, ProfilePointer(f"/Emails/{segment}")) == index


REFUSED: dict[str, Any] = {
    "5,000 nines": ("9" * 5000, "index-not-a-number"),
    "beyond 32 bits": ("2147483648", "index-not-a-number"),
    "a sign alone": ("+", "index-not-a-number"),
    "blank": (" ", "index-not-a-number"),
    "negative": ("-1", "index-out-of-bounds"),
    "past the end": ("0" * 5000 + "3", "index-out-of-bounds"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_index(name: str) -> None:
    """Refused with the vendor's words."""
    segment, rule = REFUSED[name]
    with pytest.raises(BadRequest) as caught:
        list_index(segment, 3, ProfilePointer(f"/Emails/{segment}"))
    assert caught.value.rule == rule


VALUES = {
    "texts of a copied list are no dates": ("ProfileTags", [{"Name": f"{DAY}.000Z"}], False, [{"Name": f"{DAY}.000Z"}]),
    "texts of a sent list are": ("ProfileTags", [{"Name": f"{DAY}.000Z"}], True, [{"Name": f"{DAY}Z"}]),
    "a reference is null": ("CustomerName", {"$ref": "1"}, True, None),
    "a reference to a list is null": ("ProfileTags", {"$ref": "1"}, True, None),
    "an undefined object is null": ("CustomerName", UNDEFINED, True, None),
    "undefined items are null": ("ProfileTags", [UNDEFINED], True, [None]),
    "metadata goes": ("ProfileTags", [{"$id": 1.5, "$type": True, "Name": "A"}], True, [{"Name": "A"}]),
    "metadata between members stays unknown": ("ProfileTags", [{"Name": "A", "$id": {}}], True, [{"Name": "A"}]),
    "a reference is the object of that id": (
        "ProfileTags",
        [{"$id": 1, "Name": "A"}, {"$ref": "1"}],
        True,
        [{"Name": "A"}, {"Name": "A"}],
    ),
    "an empty reference goes": ("ProfileTags", [{"$ref": None, "Name": "A"}], True, [{"Name": "A"}]),
    "309 digits as text": ("CustomerType", 10**308, True, "1" + "0" * 308),
    "half a character is replaced": ("CustomerType", "\ud800x", True, "\ufffdx"),
}


@pytest.mark.parametrize("row", VALUES.values(), ids=list(VALUES))
def test_a_value_is_stored_as_its_member_has_it(row: tuple[str, Any, bool, Any], tree: MemberTree) -> None:
    """Dates are told from texts in what was sent, not in what is copied; references lead nowhere."""
    name, value, dates, stored = row
    assert convert(value, tree.root.members[name], dates=UTC if dates else None) == stored


@pytest.mark.parametrize(
    ("number", "in_message", "as_text"),
    [
        (5280777356989605.0, "5.28077735698961E+15", "5280777356989605.0"),
        (-1000000000000005.0, "-1.00000000000001E+15", "-1000000000000005.0"),
        (-329982577570769.625, "-329982577570770", "-329982577570769.63"),
        (2.384185791015625e-07, "2.38418579101563E-07", "2.384185791015625E-07"),
        (1.02519989013671875e-05, "1.02519989013672E-05", "1.0251998901367188E-05"),
        (1234567890123465.0, "1.23456789012347E+15", "1234567890123465.0"),
        (0.15, "0.15", "0.15"),
    ],
)
def test_half_of_the_last_digit_rounds_up(number: float, in_message: str, as_text: str, tree: MemberTree) -> None:
    """Row C7: 15 digits, or 17 where those lose something, and a tie goes away from zero."""
    assert clr_text(number) == in_message
    assert convert(number, tree.root.members["CustomerType"]) == as_text


INCONVERTIBLE = {
    "undefined as text": ("CustomerType", UNDEFINED),
    "undefined as a boolean": ("IsActive", UNDEFINED),
    "undefined as an integer": ("ProfileId", UNDEFINED),
    "a constructor as an item": ("ProfileTags", [Constructor("Foo", [])]),
    "310 digits as text": ("CustomerType", 10**309),
    "beyond a double": ("CustomerType", -18 * 10**307),
    "id that is an object": ("ProfileTags", [{"$id": {}}]),
    "id that is a constructor": ("ProfileTags", [{"$id": Constructor("Foo", [])}]),
    "type that is a list": ("ProfileTags", [{"$type": [True]}]),
    "type that is null": ("ProfileTags", [{"$type": None}]),
    "values": ("ProfileTags", [{"$values": []}]),
    "reference by number": ("ProfileTags", [{"$ref": 1.5}]),
    "reference that is a date": ("ProfileTags", [{"$ref": f"{DAY}Z"}]),
    "undefined reference": ("ProfileTags", [{"$ref": UNDEFINED}]),
    "two of one id": ("ProfileTags", [{"$id": "1"}, {"$id": 1}]),
    "reference to another class": ("Consents", [{"$id": "1", "Edited": {"$ref": "1"}}]),
}


@pytest.mark.parametrize(("name", "value"), INCONVERTIBLE.values(), ids=INCONVERTIBLE)
def test_what_is_not_converted(name: str, value: Any, tree: MemberTree) -> None:
    """Rows C7, C19 and C20: the reader stops."""
    with pytest.raises(ConversionError):
        convert(value, tree.root.members[name])


def test_a_referenced_object_is_one_object(tree: MemberTree) -> None:
    """Row C19: what a later operation does to one of them, it does to all."""
    first, second = convert([{"$id": "1"}, {"$ref": "1"}], tree.root.members["ProfileTags"])
    assert first is second


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("/Date(0+-:)", max_size=20) | st.just(UNDEFINED),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["$id", "$ref", "$type", "$values", "Name", "Edited"]), inner, max_size=4)
    | st.builds(Constructor, st.just("Date"), st.lists(inner, max_size=2)),
))  # fmt: skip
def test_any_value_is_converted_or_refused(tree: MemberTree, value: Any) -> None:
    """Hostile numbers, dates and metadata: nothing but a ConversionError comes out, and any value can be shown."""
    assert isinstance(clr_text(value), str)
    for member in tree.root.members.values():
        try:
            convert(value, member)
        except ConversionError:
            continue


@pytest.mark.parametrize("text", ["/Date(253402300800000)/", "/Date(-62135596800001+0200)/"])
def test_a_date_beyond_the_calendar(text: str) -> None:
    """Row C17: the library's reader throws at it."""
    with pytest.raises(DateOutOfRange):
        microsoft_date(text)


def test_minutes_count_only_in_an_escaped_text() -> None:
    """Row C17: the library takes a place in its buffer for a length."""
    assert microsoft_date("/Date(0+02garbage)/") is None
    assert microsoft_date("/Date(0+02garbage)/", verbatim=True) is not None


def test_a_reference_stands_alone(tree: MemberTree) -> None:
    with pytest.raises(ConversionError):
        convert({"$ref": "1", "FirstName": "A"}, tree.root.members["CustomerName"])
