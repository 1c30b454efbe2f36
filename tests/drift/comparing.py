"""What the tests of `drift` share: the command, run with a targets file for the stand-in and the mock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mockserver.cli import main
from mockserver.verify.target.targets import Target
from tests.verify.target.fake_vendor import CLIENT, KEY, USER, FakeVendor


class Bench:
    """Runs the command with a targets file for the fake and the mock."""

    def __init__(self, directory: Path, vendor: FakeVendor, mock: Target, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory, self.vendor, self.mock, self.capsys = directory, vendor, mock, capsys
        self.extra = 'try_read_only = true\nmay_deactivate = true\noperations = ["patchProfile", "activateProfile"]\n'

    def run(self, *flags: str, live: bool = True, write: bool = True) -> tuple[int, str]:
        targets = self.directory / "targets.toml"
        rows = {
            "fake": (self.vendor.url, "FAKE_SECRET", self.extra),
            "local": (self.mock.base_url, "MOCK_SECRET", "mock = true"),
        }
        targets.write_text(
            "\n".join(
                f'[targets.{name}]\nbase_url = "{url}"\nclient = "{CLIENT}"\nuser = "{USER}"\nsecret_env = "{env}"\n'
                f'profiles = ["{KEY[0]}/{KEY[1]}"]\nrate = 1000\nbudget = 5000\nsettle_s = 0\n{extra}'
                for name, (url, env, extra) in rows.items()
            )
        )
        modes = [flag for flag, wanted in (("--live", live), ("--write", write)) if wanted]
        common = ["--targets", str(targets), "--state-dir", str(self.directory / "state")]
        code = main(["drift", "--left", "local", "--right", "fake", *common, *modes, *flags])
        shown = self.capsys.readouterr()
        return code, shown.out + shown.err

    def report(self, *flags: str, **modes: bool) -> dict[str, Any]:
        code, text = self.run("--json", *flags, **modes)
        document: dict[str, Any] = json.loads(text[: text.rindex("}") + 1])
        assert document["exit"] == code
        return document


def only(*names: str) -> list[str]:
    return [word for name in names for word in ("--only", name)]
