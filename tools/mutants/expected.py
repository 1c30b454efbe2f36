"""What must notice a planned wrong server, where it is not enough that anything does."""

from __future__ import annotations

# By the stage `model`, without any rule that was written with it in mind.
BY_THE_MODEL = frozenset({
    "M23-add-appends",
    "M28-remove-nulls-entries",
    "M30-tests-pass",
    "M48-not-atomic",
    "M52-neighbour-changes-too",
})  # fmt: skip

# By the rule for it, with no other rule asked first that could have noticed.
BY_RULE = {
    "C-head-method": "again-with-another-method",
    "C-head-case": "again-with-the-account-spelled-otherwise",
    "C-signature-for-ever": "again-until-too-old",
    "C-token-for-ever": "again-with-a-token-until-it-expires",
    "C-xml-in-small-letters": "xml-again-after-a-change",
    "C-suffix-ignored": "namespace-by-suffix",
    "C-stamp-shared": "test-of-the-stamp",
    "S-op-missing": "op-missing",
    "L-get-shows-inactive": "deactivate-hides",
    "L-activate-keeps-reason": "activate-erases-the-reason",
    "L-delete-200": "delete-a-profile",
    "L-create-reuses-an-id": "delete-a-profile",
    "L-consent-by-name-in-json": "consents-take-no-names-in-json",
    "L-stale-read": "get-sees-each-write",
    "L-allow-lies": "allow-tells-the-methods",
    "T01-no-zeros-in-front": "texts-of-every-member",
    "T04-locales-canonical": "texts-of-every-member",
    "T05-composed": "texts-of-every-member",
    "T07-long-texts-cut": "texts-inside-entries",
    "T08-large-texts-cut": "text-of-a-hundred-thousand",
    "T09-collections-cut": "collection-of-two-hundred",
    "T10-ten-operations": "twenty-five-operations",
    "T11-trimmed-before-counted": "length-counts-blanks",
    "T12-composed-before-counted": "length-counts-marks",
    "T13-tests-as-doubles": "test-of-large-numbers",
    "T14-octal-indices": "index-with-leading-zeros",
    "T15-ids-composed": "ids-of-other-forms",
    "T16-semicolon-ends-an-id": "id-with-each-reserved-character",
    "T17-ids-without-zeros": "ids-with-zeros-and-blanks",
    "T18-value-unique-without-type": "id-free-under-another-type",
    "T19-secrets-by-their-start": "token-secret-nearly-right-in-the-body",
    "T20-refusals-in-utf-8-only": "refusals-in-utf-16",
    "T21-xml-comments-end-a-text": "xml-request-comments",
    "T22-cdata-dropped": "xml-request-cdata",
    "T23-fortieth-change-lost": "fifty-changes",
    "T24-xml-texts-trimmed": "texts-in-xml",
    "T27-appends-get-lost": "appended-at-the-same-time",
    "T28-connections-remember": "seen-over-another-connection",
    "T29-one-of-a-packet": "three-in-one-packet",
}
