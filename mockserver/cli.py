"""The command line: its words, its help, and how a failure becomes an exit code."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import MISSING
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from mockserver import __version__
from mockserver.errors import CommandError
from mockserver.settings import FIELDS, Settings, load_settings

COMMANDS = ("serve", "sign", "check", "try", "verify", "drift", "doctor", "fixtures")
_MODULES = {name: f"mockserver.commands.{'try_patch' if name == 'try' else name}" for name in COMMANDS}
_SUMMARIES = {
    "serve": "start the mock",
    "sign": "print a signed Authorization header, or say what is wrong with one",
    "check": "check fixtures, configuration and contract; every problem with file and place",
    "try": "say what a patch would do, operation by operation; changes nothing",
    "verify": "run the contract verification against the mock or a real target",
    "drift": "compare two targets, case by case",
    "doctor": "look for what could be wrong on this machine",
    "fixtures": "generate invented profiles",
}


class Parser(argparse.ArgumentParser):
    """Reports wrong usage with exit code 2 and where to find help."""

    def error(self, message: str) -> NoReturn:
        wrong = next((word for word in sys.argv[1:2] if word not in COMMANDS and not word.startswith("-")), None)
        near = get_close_matches(wrong, COMMANDS, n=1) if wrong and self.prog == "mockserver" else []
        message = f"there is no command {wrong!r}; did you mean {near[0]}?" if near else message
        self.exit(2, f"{self.prog}: {message}\n  see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser(next((word for word in words if word in COMMANDS), None)).parse_args(words)
    try:
        code: int = options.run(options)
    except CommandError as failure:
        _report(failure, as_json=getattr(options, "json", False))
        return failure.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output went away; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _parser(wanted: str | None) -> Parser:
    parser = Parser(
        prog="mockserver",
        description="A mock and contract-testing server for one API: MyPreferences, PATCH Profile by AlternateId.",
        epilog="Start with: mockserver serve",
    )
    parser.add_argument("--version", action="version", version=f"mockserver {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    for name in COMMANDS:
        # Only the command in use is imported, so that each starts at once.
        command = import_module(_MODULES[name]) if name == wanted else None
        child = commands.add_parser(
            name,
            help=_SUMMARIES[name],
            description=_SUMMARIES[name].capitalize() + ".",
            epilog=getattr(command, "EXAMPLES", None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if command is not None:
            command.configure(child)
            child.set_defaults(run=command.run)
    return parser


def add_settings(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add a flag for each named setting, all of them without names; `--config` comes along."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration file (default: mockserver.toml)")
    for name in names or FIELDS:
        row = FIELDS[name]
        flag, help_text = f"--{name.replace('_', '-')}", f"{row.metadata['help']}{_default(row)}"
        default = argparse.SUPPRESS
        if row.type == "bool":
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=default, help=help_text)
        elif row.type == "tuple[str, ...]":
            parser.add_argument(flag, action="append", default=default, metavar=_metavar(name), help=help_text)
        else:
            shown = "|".join(map(str, row.metadata.get("choices", ()))) or _metavar(name)
            parser.add_argument(flag, default=default, metavar=shown, help=help_text)


def _default(row: Any) -> str:
    if row.default is MISSING or row.default in (None, ()):
        return ""
    return f" (default: {str(row.default).lower() if isinstance(row.default, bool) else row.default})"


def _metavar(name: str) -> str:
    return {"fault": "SPEC", "fixtures": "DIR", "contract": "FILE", "ready_file": "FILE", "store": "URL"}.get(
        name, name.rsplit("_", 1)[-1].upper()
    )


def settings_of(options: argparse.Namespace) -> Settings:
    """Merge the flags that were given with environment and configuration file."""
    given = {name: getattr(options, name) for name in FIELDS if hasattr(options, name)}
    config = options.config or (Path(path) if (path := os.environ.get("MOCKSERVER_CONFIG")) else None)
    return load_settings(given, os.environ, config)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the flag with which a command speaks JSON."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def print_json(document: Mapping[str, Any]) -> None:
    """Print a result for machines."""
    print(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def _report(failure: CommandError, *, as_json: bool) -> None:
    if as_json:
        rows = {"error": failure.problem, "place": failure.place, "hint": failure.hint, "exit": failure.exit_code}
        print_json(rows)
    else:
        print(f"mockserver: {failure}", file=sys.stderr)
