"""How sure we are of each behaviour: the one table that the story, the response headers and the docs page show."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Mark(StrEnum):
    """Where a behaviour is known from."""

    DOCUMENTED = "documented"
    LIBRARY = "library"
    ASSUMED = "assumed"
    MOCK = "mock"


class Rule(Struct, frozen=True):
    """One behaviour: its stable reason code, mark, what the API does, and where that is known from."""

    code: str
    mark: Mark
    statement: str
    source: str


_PAGE = "the vendor's page of the operation"
_OTHER_PAGES = "the vendor's other public pages"
_NEIGHBOURS = "the vendor's pages of the calls around it"
_RUN = "the vendor's software, when run"
_READ = "the vendor's software, read in source"
_CHOICE = "our choice"

D, L, A, M = Mark.DOCUMENTED, Mark.LIBRARY, Mark.ASSUMED, Mark.MOCK

_ROWS: tuple[tuple[str, Mark, str, str], ...] = (
    # What is answered with 200
    ("patch-applied", D, "Every operation was applied; the whole profile is returned.", _PAGE),
    ("patch-changed-nothing", L, "The operations left the profile as it was.", _RUN),
    ("patch-empty", L, "An empty list of operations answers 200 and changes nothing.", _RUN),
    ("xml-without-operations", D, "The page's XML request sample is a valid request that changes nothing.", _PAGE),
    ("form-without-operations", L, "A form-encoded body is read as a document without operations.", _RUN),
    ("tolerated-operation", L, "An operation's name in another form, or without op or value, is read leniently.", _RUN),
    ("tolerated-path", L, "A path without its slash or with empty segments is read leniently.", _RUN),
    ("tolerated-value", L, "A value is converted: other types, dates; unknown members go, absent ones come.", _RUN),
    ("profile-read", A, "A GET answers with the profile as the PATCH does (its URL and body are inferred).", _CHOICE),
    ("profile-created", D, "A new profile gets a ProfileId and the account's defaults (201 is assumed).", _NEIGHBOURS),
    ("profile-deactivated", D, "Nothing but its ProfileId leads to the profile any more.", _NEIGHBOURS),
    ("profile-activated", D, "The profile is found again, and the stored reason is erased.", _NEIGHBOURS),
    ("profile-deleted", D, "The profile is gone for good; its alternate ids are free (inferred).", _NEIGHBOURS),
    ("consents-created", D, "The consents stand in the profile, stamped (201 is assumed).", _NEIGHBOURS),
    ("tags-counted", D, "Each tag comes with the number of profiles that have it.", _NEIGHBOURS),
    ("operation-inferred", A, "A list of the vendor names this call; its URL and body are inferred.", _CHOICE),
    ("is-active-patched", A, "A patch may set IsActive, and does then what Deactivate or Activate does.", _CHOICE),
    # The calls around the PATCH
    (
        "profile-inactive",
        D,
        "An alternate id does not lead to an inactive profile (for a PATCH inferred).",
        _NEIGHBOURS,
    ),
    ("profile-id-not-a-number", A, "A ProfileId that is no whole number is refused as the stack binds one.", _CHOICE),
    ("document-missing", A, "A call that needs a document is refused without one.", _CHOICE),
    ("tolerated-document", A, "JSON of a call around the PATCH is read as leniently as that of a PATCH.", _CHOICE),
    ("document-unfit", A, "A document must be what the call takes (the refusal's form is assumed).", _CHOICE),
    ("consents-on-create", D, "Consents are not supported when creating a profile (400 is assumed).", _PAGE),
    ("account-required", A, "Under the account's rules an entry has the members that are required.", _CHOICE),
    ("account-length", A, "Under the account's rules members of entries have a length.", _CHOICE),
    ("account-read-only", A, "Under the account's rules IsActive and Country of entries are read-only.", _CHOICE),
    ("account-second-default", A, "One address and one e-mail can be the default; a second is refused.", _CHOICE),
    ("account-default-moved", A, "One address and one e-mail can be the default; a second takes over.", _CHOICE),
    ("account-type-unknown", A, "Under the account's rules a type must be one of the account's.", _CHOICE),
    ("member-required", D, "A consent names its type, version and locale (status and text assumed).", _NEIGHBOURS),
    # Operations
    ("op-not-supported", D, "move and copy are not supported (the 400 is documented, its text is assumed).", _PAGE),
    ("op-unknown", L, "An operation name that Enum.TryParse does not know is refused.", _RUN),
    ("operation-null", L, "A null operation makes the library throw.", _RUN),
    ("path-missing", L, "An operation without a path makes the library throw.", _RUN),
    ("from-missing", L, "A move or copy without 'from' makes the library throw.", _RUN),
    ("copy-of-null", L, "Copying a null value makes JsonPatch 2.2 throw.", _RUN),
    ("patch-work-exceeded", M, "What one patch has copied, compared and printed is bounded.", _CHOICE),
    ("profile-too-large", M, "A profile is bounded in size.", _CHOICE),
    ("too-many-operations", A, "A patch holds a bounded number of operations.", _CHOICE),
    # Paths and indices
    ("path-escape-invalid", L, "In a path, ~ must be followed by 0 or 1.", _RUN),
    ("path-member-unknown", L, "A path must name members of the resource; unknown ones are never created.", _RUN),
    ("path-below-null", L, "A path can't lead through a null member.", _RUN),
    ("index-not-a-number", L, "A segment below a list must be a 32-bit integer, or '-' at the end.", _RUN),
    ("index-out-of-bounds", L, "An index must name an existing element; add may also name the end.", _RUN),
    ("index-dash-on-empty", L, "'-' names the last element; in an empty list the library throws.", _RUN),
    ("test-at-dash", L, "A test at '-' makes the library throw.", _RUN),
    # Values
    ("value-not-convertible", L, "A value is converted to the member's type if Json.NET can, else refused.", _RUN),
    ("test-failed", L, "A test compares the converted value with the current one, as serialised JSON.", _RUN),
    ("member-read-only", D, "ProfileId, Edited, Consents and ReasonCode are read-only (text assumed).", _PAGE),
    ("value-too-long", D, "Maximum lengths are enforced (the limits are documented, status and text assumed).", _PAGE),
    ("alternate-id-taken", D, "An alternate id is unique within its type (status and text assumed).", _OTHER_PAGES),
    ("rfc6902-test-failed", M, "A test compares by JSON type, as RFC 6902 says.", _CHOICE),
    ("rfc6902-refused", M, "Refused by RFC 6902 or 6901; the vendor's own software is more lenient.", _CHOICE),
    ("rfc6902-breaks-contract", M, "The patched profile would break the contract.", _CHOICE),
    # Bodies
    ("body-null", L, "Without a document there is nothing to apply.", _RUN),
    ("body-not-json", L, "The body is not JSON that Json.NET can read.", _RUN),
    ("body-not-an-array", L, "The document must be an array of operations.", _RUN),
    ("operation-not-an-object", L, "Each operation must be an object.", _RUN),
    ("operation-member-not-text", L, "op, path and from must be text.", _RUN),
    ("body-too-deep", L, "Json.NET here reads at most 256 levels.", _RUN),
    ("body-bad-encoding", L, "The body's bytes must be valid in its encoding.", _RUN),
    ("body-not-xml", L, "The body is not the vendor's XML document.", _RUN),
    ("xml-resolver-nil", L, "A nil ContractResolver makes the library throw.", _RUN),
    ("body-too-large", A, "A body is bounded in size.", _CHOICE),
    # Formats and routes
    ("media-type-unsupported", L, "A Content-Type that no formatter reads is refused with 415.", _RUN),
    ("content-type-missing", L, "A body without a usable Content-Type is refused with 415.", _RUN),
    ("method-not-allowed", L, "A route answers the methods of its operations; others get 405 with Allow.", _RUN),
    ("route-unknown", L, "A URL that matches no route is 404.", _RUN),
    ("parameter-blank", L, "A blank value in the URL binds to null, and the model is invalid.", _READ),
    ("client-unknown", D, "An unknown client is 404 (later version of the API; text assumed).", _OTHER_PAGES),
    ("profile-unknown", D, "An unknown profile is 404 (later version of the API; text assumed).", _OTHER_PAGES),
    ("unknown-as-400", A, "Under --unknown-profile 400 an unknown client or profile is a bad request.", _CHOICE),
    ("http-invalid", A, "Bytes that are not one sure HTTP/1.1 request are refused, and the connection ends.", _CHOICE),
    ("header-too-large", A, "A header section is bounded in size.", _CHOICE),
    ("request-timeout", A, "A request must arrive in time.", _CHOICE),
    ("content-length-invalid", A, "A Content-Length must be a number.", _CHOICE),
    # Authorization
    ("auth-header-missing", D, "Every request carries an Authorization header.", _OTHER_PAGES),
    ("auth-scheme-invalid", D, "The scheme is PNAUTHINFO3, keyed or not, with SHA256, SHA384 or SHA512.", _OTHER_PAGES),
    ("auth-parameters-missing", D, "The header holds Credential and Signature, one space apart.", _OTHER_PAGES),
    ("auth-date-not-iso8601", D, "The timestamp is ISO 8601.", _OTHER_PAGES),
    ("auth-date-in-future", D, "A timestamp in the future is refused.", _OTHER_PAGES),
    ("auth-date-too-old", D, "A signature is valid for 15 minutes, adjustable for each client.", _OTHER_PAGES),
    ("auth-user-unknown", D, "The user must exist for the client in the URL.", _OTHER_PAGES),
    ("auth-client-unknown", D, "The client in the URL must exist.", _OTHER_PAGES),
    (
        "auth-signature-mismatch",
        D,
        "The signature must match ClientId:UserId:Timestamp under the user's key.",
        _OTHER_PAGES,
    ),
    ("auth-unkeyed-refused", A, "Un-keyed signatures can be switched off.", _CHOICE),
    ("auth-unkeyed-accepted", A, "The un-keyed form hashes ClientId:UserId:Timestamp:SecretKey.", _CHOICE),
    ("auth-zone-missing", A, "A timestamp without a zone was fresh when read as UTC.", _CHOICE),
    ("auth-zone-eastern", A, "A timestamp without a zone was fresh when read as US Eastern time.", _CHOICE),
    ("auth-permission-missing", D, "A known user without the permission gets 403 (text assumed).", _PAGE),
    ("oauth-token-invalid", A, "A bearer token that was not issued here is refused with 401.", _CHOICE),
    ("oauth-token-expired", A, "A bearer token expires.", _CHOICE),
    # The mock's own
    ("fault-injected", M, "A planned fault struck; unless it is one after the commit, nothing was applied.", _CHOICE),
    ("namespace-unknown", M, "Under --strict-worlds a world must be made before it is used.", _CHOICE),
    ("namespace-invalid", M, "A world's name is short and plain.", _CHOICE),
    ("bound-reached", M, "A bound on what worlds hold, or on the work of a request, was reached.", _CHOICE),
    ("request-override-invalid", M, "A control header holds something that can't be used.", _CHOICE),
    ("store-unavailable", M, "The shared store can't be reached.", _CHOICE),
    ("connections-exhausted", M, "Every connection that the process can have is busy.", _CHOICE),
    ("host-not-allowed", M, "The Host header must name this server (protection against DNS rebinding).", _CHOICE),
    ("origin-not-allowed", M, "A page of another origin may not use the control surface.", _CHOICE),
    ("admin-token-missing", M, "The control surface needs its token when bound beyond loopback.", _CHOICE),
    ("admin-request-invalid", M, "The control surface was asked something it can't do.", _CHOICE),
    ("internal-error", M, "A bug of the mock; the log holds the traceback.", _CHOICE),
)

RULES: Mapping[str, Rule] = {code: Rule(code, mark, statement, source) for code, mark, statement, source in _ROWS}

UNSERVED: tuple[str, ...] = (
    "route-unknown",
    "method-not-allowed",
    "media-type-unsupported",
    "content-type-missing",
    # Without signatures an unknown client is the first, with them the second.
    "client-unknown",
    "auth-client-unknown",
    "namespace-*",
    "host-not-allowed",
    "request-override-invalid",
    "store-unavailable",
    "internal-error",
)
"""Reasons that speak of a wrong address or set-up, or of a bug of the mock; * stands for any letters.

Everything else is an answer that the vendor's API gives, and so what tests are about.
"""
