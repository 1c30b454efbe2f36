"""`mockserver sign`: signatures made and explained."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.commands.calling import Done, shown


def test_a_signature_is_explained_as_valid(run: Callable[..., Done]) -> None:
    """What sign prints, sign accepts."""
    header = run("sign", "--timestamp", "2026-01-31T12:00:00Z").out.strip()
    done = run("sign", "--explain", header, "--now", "2026-01-31T12:01:00Z")
    assert (done.code, done.out.partition(":")[0]) == (0, "valid")


def test_a_bearer_token_is_no_signature(run: Callable[..., Done]) -> None:
    """Where tokens come from is said instead of how to sign."""
    done = run("sign", "--explain", "Bearer abc")
    assert done.code == 1
    assert "no signature" in done.out
    assert "POST /oauth/token" in done.out
    assert "PNAUTHINFO3" not in done.out


@pytest.mark.parametrize(
    "words",
    [
        ["--now", "2026-01-31T12:00:00Z"],
        ["--explain", "x", "--timestamp", "2026-01-31T12:00:00Z"],
        ["--explain", "x", "--unkeyed"],
        ["--explain", "x", "--user", "editor@acme.example"],
        ["--explain", "x", "--secret-env", "KEY"],
        ["--explain", "x", "--algorithm", "SHA512"],
    ],
    ids=shown,
)
def test_a_flag_without_effect_is_refused(words: list[str], run: Callable[..., Done]) -> None:
    """By its name."""
    done = run("sign", *words)
    assert (done.code, done.out) == (2, "")
    assert f"{words[0] if words[0] == '--now' else words[2]}: " in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--user", "nobody"], "no user nobody\n"),
        (["--client", "NOPE"], "no user of client NOPE\n"),
        (["--client", "NOPE", "--user", "nobody"], "no user nobody of client NOPE\n"),
    ],
    ids=shown,
)
def test_whom_the_fixtures_lack_is_named(words: list[str], said: str, run: Callable[..., Done]) -> None:
    """And nobody who was not asked for."""
    done = run("sign", *words)
    assert done.code == 2
    assert f"the fixtures have {said}" in done.err
