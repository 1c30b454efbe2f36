"""`mockserver init`: a folder to start from, in which `serve` and `pytest` work at once."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

from mockserver.cli import add_json, print_json
from mockserver.errors import UsageError
from mockserver.fixtures.schemas import schemas
from mockserver.package import shipped
from mockserver.service.assembly import load_contract
from mockserver.verify.target.targets import TARGET_KEYS

EXAMPLES = """examples:
  mockserver init my-mock
  cd my-mock && mockserver serve"""

_CLIENTS = """\
[clients.ACME01]
name = "Acme"

[clients.ACME01.groups.editors]
permissions = ["profile:update"]

[clients.ACME01.users."editor@acme.example"]
secret = "for-tests-only"
groups = ["editors"]
"""
_SETTINGS = """\
# Every setting is a flag of `mockserver serve` too; a flag beats this file.
fixtures = "fixtures"
# port = 8080
# fault = ["500 p=0.1"]
"""
_PROFILE = {
    "$schema": "../../../schemas/profile.schema.json",
    "ProfileId": 1,
    "CustomerType": "Customer",
    "DefaultLocale": "en-US",
    "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "C-1"}],
    "IsActive": True,
}
_TEST = '''\
"""What our application does to a profile; docs/how-to-pytest.md of the mock says what `mypreferences` offers."""


def test_a_customer_type_is_replaced(mypreferences):
    operation = {"op": "replace", "path": "/CustomerType", "value": "Prospect"}
    assert mypreferences.client().patch("CRM", "C-1", [operation]).status == 200
    assert mypreferences.profile("CRM", "C-1")["CustomerType"] == "Prospect"
'''
_WORKFLOW = """\
name: tests
on: [push, pull_request]
permissions:
  contents: read
jobs:
  tests:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.11"
      # The wheel of the mock server, built by `make wheel` in its repository, is kept beside the tests.
      - run: pip install ./mypreferences_mockserver-*.whl pytest
      - run: mockserver check
      - run: pytest
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `init`."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder to write to; it may be there, not its files")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Write the folder; a file that is there already is a reason to write nothing."""
    files = {options.folder / name: text for name, text in _files().items()}
    there = [str(path) for path in files if path.exists()]
    if there:
        raise UsageError(f"{', '.join(there)}: there already", place="init", hint="name a new folder")
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise UsageError(f"can't write {problem.filename}: {problem.strerror}", hint="name another folder") from problem
    if options.json:
        print_json({"files": [str(path) for path in files]})
    else:
        print(*files, sep="\n")
        print(f"go on with: cd {shlex.quote(str(options.folder))} && mockserver serve")
    return 0


def _files() -> dict[str, str]:
    """Return what is written where."""
    made = schemas(load_contract(shipped("contracts") / "openapi.yaml"), TARGET_KEYS)
    return {
        "mockserver.toml": f"#:schema schemas/settings.schema.json\n{_SETTINGS}",
        "targets.toml": "#:schema schemas/targets.schema.json\n"
        + (shipped("contracts") / "targets.toml").read_text(encoding="utf-8"),
        "fixtures/clients.toml": f"#:schema ../schemas/clients.schema.json\n{_CLIENTS}",
        "fixtures/profiles/ACME01/jane.json": f"{json.dumps(_PROFILE, indent=2)}\n",
        "test_profiles.py": _TEST,
        "pytest.ini": "[pytest]\nmypreferences_fixtures = fixtures\n",
        ".github/workflows/tests.yml": _WORKFLOW,
        **{f"schemas/{name}.schema.json": f"{json.dumps(schema, indent=2)}\n" for name, schema in made.items()},
    }
