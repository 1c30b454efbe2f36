"""The one tree of expected failures; each class knows how it ends: an HTTP status or an exit code.

Anything that is not in this tree is a bug: it becomes a 500 with a traceback in the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar


class MockServerError(Exception):
    """Base of every failure that this package raises on purpose."""


class ApiError(MockServerError):
    """A refusal as the vendor's API would send it, with the story of why.

    `message` is the vendor's text and reaches the client byte for byte (None: the answer has no body).
    Everything else belongs to the story: `rule` names a row of the provenance table and is the stable reason code,
    `why` and `hint` are sentences for people, `operation` is the index of the failing operation.
    """

    status: ClassVar[int] = 500

    def __init__(
        self,
        message: str | None,
        *,
        rule: str,
        why: str = "",
        hint: str = "",
        operation: int | None = None,
        path: str | None = None,
        model_state: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message or rule)
        self.message = message
        self.rule = rule
        self.why = why
        self.hint = hint
        self.operation = operation
        self.path = path
        self.model_state = tuple(model_state)
        self.headers = dict(headers or {})


class BadRequest(ApiError):
    """The request is malformed or can't be applied."""

    status = 400


class MalformedBody(BadRequest):
    """The body can't be read as a patch document; `model_state` holds the keys that the vendor's binder reports."""

    def __init__(self, keys: Sequence[str], *, rule: str, why: str, hint: str = "") -> None:
        super().__init__("The request is invalid.", rule=rule, why=why, hint=hint, model_state=keys)


class BoundReached(BadRequest):
    """A bound of this server was reached; `bound` is the setting that moves it, `way_out` what helps without."""

    def __init__(self, bound: str, problem: str, way_out: str) -> None:
        hint = f"{way_out} or start with a larger --{bound.replace('_', '-')}."
        super().__init__(problem, rule="bound-reached", why=problem, hint=hint)
        self.bound = bound


class Unauthorized(ApiError):
    """Credentials are missing or wrong; the message is one of the vendor's five 401 texts."""

    status = 401


class Forbidden(ApiError):
    """A known user lacks the permission."""

    status = 403


class NotFound(ApiError):
    """No such route, client or profile."""

    status = 404


class MethodNotAllowed(ApiError):
    """The route exists, the method doesn't."""

    status = 405


class RequestTooLarge(ApiError):
    """A bound on the request was exceeded."""

    status = 413


class HeaderTooLarge(ApiError):
    """The header section exceeds its bound."""

    status = 431


class RequestTimeout(ApiError):
    """The request did not arrive in time."""

    status = 408


class ServerFull(ApiError):
    """As many connections as may be are busy."""

    status = 503


class UnfitProfile(ApiError):
    """A profile that a world can't take in: it breaks the contract, or clashes with another."""

    status = 422

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem, rule="admin-request-invalid", why=problem, hint=hint)


class UnsupportedMediaType(ApiError):
    """No formatter reads the request's Content-Type."""

    status = 415


class VendorCrash(ApiError):
    """The vendor's software would throw here; its body says only that an error has occurred."""

    status = 500

    def __init__(self, *, rule: str, why: str, hint: str = "", operation: int | None = None) -> None:
        super().__init__("An error has occurred.", rule=rule, why=why, hint=hint, operation=operation)


class StoreUnavailable(ApiError):
    """The shared store can't be reached; nothing was changed."""

    status = 503


class CommandError(MockServerError):
    """A failure that ends a command: what is wrong, where, and what to write instead."""

    exit_code: ClassVar[int] = 1

    def __init__(self, problem: str, *, place: str = "", hint: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.place = place
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.place}: {self.problem}" if self.place else self.problem
        return f"{text}\n  {self.hint}" if self.hint else text


class UsageError(CommandError):
    """A flag, setting, fixture, fault or contract that can't be used."""

    exit_code = 2


class Inconclusive(CommandError):
    """A verification that ended without an answer."""

    exit_code = 3


class SafetyRefusal(CommandError):
    """An action that could harm real data was refused, or real data was left unrestored."""

    exit_code = 4
