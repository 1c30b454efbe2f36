"""What can be planted in the stand-in for the real API: faults by the number of a request, and lasting quirks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.verify.target.fake_vendor import FakeVendor


class Refused(Exception):
    """The request is answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass
class Seen:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def operations(self) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = json.loads(self.body)
        return sent

    @property
    def changes(self) -> bool:
        return any(operation.get("op") != "test" for operation in self.operations)


@dataclass
class Faults:
    """What goes wrong, by the number of the request (from 1) or of the change (from 1)."""

    drop_before_commit: set[int] = field(default_factory=set)
    drop_after_commit: set[int] = field(default_factory=set)
    error_after_commit: set[int] = field(default_factory=set)
    throttle: dict[int, str] = field(default_factory=dict)  # request number -> Retry-After
    redirect: dict[int, str] = field(default_factory=dict)  # request number -> Location
    stopped_from: int | None = None  # request number from which every connection is cut
    before_request: Callable[[int, FakeVendor], None] | None = None
    after_commit: Callable[[int, FakeVendor], None] | None = None


@dataclass
class Quirks:
    """Planted differences from the documented API."""

    dash_prepends: bool = False
    has_get: bool = False
    keeps_tests_loose: bool = False  # every test holds
    message_suffix: str = ""
    status_for_read_only: int = 400
    not_atomic: bool = False
    nothing_is_read_only: bool = False
    without_member: str = ""
    extra_member: str = ""
    content_type: str = ""  # instead of the type that was asked for
    charset: str = "; charset=utf-8"  # what follows the type
    header_changes: dict[str, str | None] = field(default_factory=dict)
    value_changes: dict[str, Any] = field(default_factory=dict)  # member -> what answers show instead
    stamps: str = "%Y-%m-%dT%H:%M:%SZ"  # how the time of a change is written, "" for not at all
    modified_by: str = ""  # what Edited says instead of the user
    status_for_tests: int = 400  # of a test that fails
    empty_errors: bool = False
    refuses_paths: tuple[str, ...] = ()  # places of which every change is refused
    refuses_members: tuple[str, ...] = ()  # members whose replacement by null is refused
    hides: tuple[str, str] = ("", "")  # a collection, and what of its entries answers don't show
    stamps_creation: bool = False  # each change writes CreateDate and CreatedBy anew, too
    stamps_readings: bool = False  # whatever is asked, the profile is stamped
    answers_old: bool = False  # a change is answered with the profile of before
    checks_all: bool = False  # lengths are checked in the whole profile, after the patch
    finds_anything: bool = False  # an unknown id leads to the first profile
    spills: str = ""  # a member whose change goes to every profile
    lowers: str = ""  # a text member that is stored in small letters
    ignores_removes: bool = False
    tidies: bool = False  # with every request, empty texts become null
    shows_tidied: bool = False  # answers show trimmed texts, and null for an empty list; tests see what is kept
    writes_created_by: bool = False  # each change writes Edited/CreatedBy anew
