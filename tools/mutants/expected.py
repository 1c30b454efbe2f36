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
}
