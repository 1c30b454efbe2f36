"""Only what the owner wrote down may be pointed at, and no secret is ever written down."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mockserver.errors import CommandError, SafetyRefusal, UsageError
from mockserver.package import shipped
from mockserver.verify.target.credential import Credential
from mockserver.verify.target.targets import (
    choose_target,
    default_targets,
    load_targets,
    production_looking,
)

GOOD = """
[targets.sandbox]
base_url = "https://pmstg.mypreferences.com/Profiles/"
client = "ACME01"
user = "editor@acme.example"
secret_env = "SANDBOX_SECRET"
profiles = ["CRM/TEST-1", "Loyalty/9/8"]
absent = ["CRM/NOBODY"]
marker = { name = "ContractTests", value = "yes" }
reader = { user = "reader@acme.example", secret_command = ["cat", "key"] }
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "targets.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_target_is_read_whole(tmp_path: Path) -> None:
    """Every setting arrives; an id may hold slashes."""
    target = load_targets(write(tmp_path, GOOD))["sandbox"]
    assert target.base_url == "https://pmstg.mypreferences.com/Profiles"
    assert target.keys == (("ACME01", "CRM", "TEST-1"), ("ACME01", "Loyalty", "9/8"))
    assert target.absent == (("ACME01", "CRM", "NOBODY"),)
    assert (target.marker, target.budget, target.rate) == (("ContractTests", "yes"), 3000, 6.0)
    assert target.reader == Credential("reader@acme.example", None, ("cat", "key"))
    assert (target.mock, target.exclusive, target.may_deactivate) == (False, False, False)


BAD = {
    "a misspelt setting": ('rate = 2', 'rat = 2', "did you mean rate?"),
    "a literal secret": ('secret_env = "SANDBOX_SECRET"', 'secret = "abc"', "would put a secret into the file"),
    "a literal secret of the reader": ('secret_command = ["cat", "key"]', 'password = "abc"', "would put a secret"),
    "the secret in place of the variable's name": ('"SANDBOX_SECRET"', '"a b+c/d="', "not the name of an environment"),
    "two sources of the secret": ('rate = 2', 'secret_command = ["cat"]', "exactly one source"),
    "no profiles": ('profiles = ["CRM/TEST-1", "Loyalty/9/8"]', "profiles = []", "the profiles are missing"),
    "a profile without a type": ('"CRM/TEST-1"', '"TEST-1"', 'write "TYPE/ID"'),
    "a budget that is too small": ("rate = 2", "budget = 5", "a number from 40"),
    "a budget that is no number": ("rate = 2", "budget = true", "a number from 40"),
    "a rate of nothing": ("rate = 2", "rate = 0", "a number from 0.01"),
    "an unknown dialect": ("rate = 2", 'dialect = "rfc"', "vendor, library, rfc6902"),
    "a user in the URL": ("https://pmstg", "https://me:key@pmstg", "has no place here"),
    "no URL": ("https://pmstg.mypreferences.com/Profiles/", "pmstg.mypreferences.com", 'write "https://host/Profiles"'),
    "a port beyond the last": ("mypreferences.com/Profiles/", "mypreferences.com:99999/", "the port"),
    "plain http": ("https://pmstg", "http://pmstg", "plain http"),
    "a mock that is elsewhere": ("rate = 2", "mock = true", "servers on this machine"),
    "a flag that is text": ("rate = 2", 'exclusive = "yes"', "write exclusive = true"),
    "a misspelt marker": ('{ name = "ContractTests"', '{ nam = "ContractTests"', "did you mean name?"),
    "a name that stands for a URL": ("[targets.sandbox]", "[targets.stub-9000]", "no name for a target"),
    "a name that could be a path": ("[targets.sandbox]", '[targets."../x"]', "no name for a target"),
    "no TOML": ("[targets.sandbox]", "[targets.sandbox", "not valid TOML"),
    "TOML that is too deep": ("[targets.sandbox]", f"x = {'[' * 5000}", "not valid TOML"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "told"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_used_is_refused_with_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    """The message says what to write instead, and never repeats what could be a secret."""
    text = GOOD.replace("[targets.sandbox]", "[targets.sandbox]\nrate = 2")
    assert old in text
    with pytest.raises(CommandError) as caught:
        load_targets(write(tmp_path, text.replace(old, new, 1)))
    assert caught.value.exit_code in (2, 4)
    assert told in str(caught.value)
    assert "targets.toml" in str(caught.value)
    assert "abc" not in str(caught.value)
    assert "a b+c/d=" not in str(caught.value)


def test_an_unlisted_target_is_refused(tmp_path: Path) -> None:
    """A URL can't be given on the command line: what is not in the file does not exist."""
    targets = load_targets(write(tmp_path, GOOD))
    with pytest.raises(UsageError, match="did you mean sandbox"):
        choose_target(targets, "sandbx")
    with pytest.raises(UsageError, match="there is no target"):
        choose_target(targets, "https://pm.mypreferences.com/Profiles")


HOSTS = {
    "https://pm.mypreferences.com/Profiles": True,
    "https://PM.MyPreferences.com./Profiles": True,
    "https://www.acme.example/Profiles": True,
    "https://latest.acme.example": True,
    "https://contest.acme.example": True,
    "https://api.sandbox-makers.example": True,
    "https://pmstg.mypreferences.com/Profiles": False,
    "https://pm-stage.acme.example": False,
    "https://sandbox.acme.example": False,
    "https://api.test.acme.example": False,
    "https://test2.acme.example": False,
    "https://api.test": False,
    "http://127.0.0.1:8080": False,
    "http://[::1]:8080": False,
    "http://localhost:8080": False,
    "https://10.0.0.7": True,
    "https://127.0.0.1.acme.example": True,
}


@pytest.mark.parametrize(("url", "expected"), HOSTS.items(), ids=list(HOSTS))
def test_a_host_counts_as_production_unless_its_name_says_otherwise(url: str, expected: bool) -> None:
    """A word for test systems must stand by itself, and not in the registered domain."""
    assert production_looking(url) is expected


def test_production_needs_a_word_of_its_own(tmp_path: Path) -> None:
    """Exit code 4 without it."""
    targets = load_targets(write(tmp_path, GOOD.replace("pmstg", "pm")))
    with pytest.raises(SafetyRefusal, match="looks like production") as caught:
        choose_target(targets, "sandbox")
    assert caught.value.exit_code == 4
    assert choose_target(targets, "sandbox", production_accepted=True).name == "sandbox"


def test_a_secret_comes_from_the_environment_or_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is shown nowhere: not in a representation, not in a failure."""
    monkeypatch.setenv("KEY", "hush")
    assert Credential("u", secret_env="KEY").secret() == "hush"
    monkeypatch.delenv("KEY")
    command = (sys.executable, "-c", "print('hush')")
    assert Credential("u", secret_command=command).secret() == "hush"
    assert "hush" not in repr(Credential("u", known="hush"))
    failing = (sys.executable, "-c", "import sys; print('hush'); print('hush', file=sys.stderr); sys.exit(1)")
    for credential in (Credential("u", secret_env="KEY"), Credential("u", secret_command=failing)):
        with pytest.raises(UsageError) as caught:
            credential.secret()
        assert "hush" not in str(caught.value)
    with pytest.raises(UsageError, match="FileNotFoundError"):
        Credential("u", secret_command=("/no/such/program",)).secret()


def test_the_shipped_file_is_used_by_nobody_who_did_not_copy_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leads to no real system as it stands."""
    monkeypatch.chdir(tmp_path)
    assert default_targets() == {}
    with pytest.raises(UsageError, match="there is no target") as caught:
        choose_target(default_targets(), "sandbox")
    sample = shipped("contracts") / "targets.toml"
    assert str(sample) in str(caught.value)
    write(tmp_path, sample.read_text(encoding="utf-8"))
    assert default_targets()["sandbox"].base_url.endswith(".invalid/Profiles")


def test_the_shipped_example_is_right_with_every_line_uncommented(tmp_path: Path) -> None:
    """Every line of it can be used, but for the secret's second source."""
    lines = (shipped("contracts") / "targets.toml").read_text(encoding="utf-8").splitlines()
    lines = [line.removeprefix("# ") for line in lines]
    settings = [line for line in lines if line.startswith("[targets.") or " = " in line[:38]]
    text = "\n".join(line for line in settings if not line.startswith("secret_command"))
    targets = load_targets(write(tmp_path, text))
    assert set(targets) == {"sandbox", "local"}
    assert targets["local"].mock
