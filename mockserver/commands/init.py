"""`mockserver init`: a folder to start from, in which `serve` and `pytest` work at once."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

from mockserver.cli import print_json
from mockserver.errors import UsageError
from mockserver.fixtures.schemas import schemas
from mockserver.package import shipped
from mockserver.service.assembly import load_contract
from mockserver.verify.target.targets import TARGET_KEYS

EXAMPLES = """examples:
  mockserver init my-mock
  cd my-mock && mockserver serve"""

_START = Path(__file__).with_name("start")
_COPIED = {
    "mockserver.toml": "mockserver.toml",
    "fixtures/clients.toml": "clients.toml",
    "fixtures/profiles/ACME01/jane.json": "jane.json",
    ".github/workflows/mypreferences.yml": "github.yml",
    "test_profiles.py": "test_profiles.txt",
    "pytest.ini": "pytest.ini",
    ".gitlab-ci.yml": "gitlab.yml",
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder to write to; it may be there, not its files")


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
    made = schemas(load_contract(shipped("contracts") / "openapi.yaml"), TARGET_KEYS)
    return {
        **{name: (_START / file).read_text(encoding="utf-8") for name, file in _COPIED.items()},
        "targets.toml": "#:schema schemas/targets.schema.json\n"
        + (shipped("contracts") / "targets.toml").read_text(encoding="utf-8"),
        **{f"schemas/{name}.schema.json": f"{json.dumps(schema, indent=2)}\n" for name, schema in made.items()},
    }
