"""The command line: its words, its help, and how a failure becomes an exit code."""

from __future__ import annotations

import argparse
import contextlib
import errno
import gc
import json
import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import MISSING
from importlib import import_module
from itertools import pairwise, takewhile
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from mockserver import __version__
from mockserver.errors import CommandError, UsageError
from mockserver.nearest import did_you_mean
from mockserver.settings import DEFAULT_CONFIG, FIELDS, Settings, is_utf8_text, load_settings, read_settings

# Each fits beside its command on a terminal of 80 columns.
_SUMMARIES = {
    "init": "write a folder to start from",
    "serve": "start the mock",
    "sign": "print a signed Authorization header, or explain a refused one",
    "check": "list every problem of fixtures, settings and contract",
    "try": "say what a patch would do, operation by operation",
    "log": "show what a running mock is asked, as it comes",
    "verify": "hold the mock, or a real target, to the contract",
    "drift": "compare two targets, case by case",
    "record": "make fixtures from real profiles, with invented values",
    "doctor": "look for what could be wrong on this machine",
    "fixtures": "generate invented profiles, pack very many",
}
COMMANDS = tuple(_SUMMARIES)
# Whether this command has printed its JSON document.
_printed = False
_INVOCATION = re.compile(rf"\bmockserver(?= (?:{'|'.join(COMMANDS)}|COMMAND|--help)\b)")


class Parser(argparse.ArgumentParser):
    """Raises UsageError for wrong usage, and knows which flag was meant."""

    def error(self, message: str) -> NoReturn:
        """Refuse what was given; the hint names the help of this very command."""
        raise UsageError(message.removeprefix("argument "), hint=f"see {self.prog} --help")

    def refuse_unknown_flags(self, words: Sequence[str]) -> None:
        """Raise UsageError for the first flag that there isn't, naming the nearest."""
        known = self._option_string_actions
        for word in takewhile(lambda word: word != "--", words):
            flag = word.partition("=")[0]
            # A negative number and a text with blanks are values, as argparse reads them.
            if re.match("--?[A-Za-z]", word) and " " not in word and flag not in known:
                longer = [name for name in known if name.startswith(f"-{flag}")][:3]
                meant = f"did you mean {' or '.join(longer)}?" if longer else did_you_mean(flag, known)
                raise UsageError(f"there is no flag {flag}", hint=f"{meant} see {self.prog} --help".strip())

    def refuse_value_of_json(self, words: Sequence[str]) -> None:
        """Raise UsageError where a file follows --json, naming the flag that takes one."""
        if "--report" not in self._option_string_actions:
            return
        for word, following in pairwise([*words, "-"]):
            if word.startswith("--json=") or (word == "--json" and not following.startswith("-")):
                file = word.partition("=")[2] or following
                raise UsageError(f"--json takes no file, {file!r} was given", hint=f"write --report {file}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    global _printed
    _printed = False
    words = list(sys.argv[1:] if arguments is None else arguments)
    # What the terminal has no letters for is no reason to fail.
    getattr(sys.stdout, "reconfigure", lambda **_: None)(errors="backslashreplace")
    parser, command = _parsers(words[0] if words else "")
    if not words:
        parser.print_help(sys.stderr)
        return 2
    code: int = 0
    try:
        options = _options(parser, command, words)
        code = options.run(options)
        sys.stdout.flush()
    except CommandError as failure:
        # One document is all that goes to standard output: a run that said what it found says there why it ended.
        _report(failure, as_json=command is not None and "--json" in words and not _printed)
        return failure.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output went away; there is nobody left to tell.
        _silence()
        return 1
    except OSError as failure:
        if failure.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        _silence()
        _report(UsageError(f"the output can't be written: {failure.strerror}"), as_json=False)
        return code or UsageError.exit_code
    return code


def _imported(command: str) -> ModuleType:
    # What is imported stays: the collector would look through it again and again, a tenth of a start.
    gc.disable()
    try:
        return import_module(f"mockserver.commands.{'try_patch' if command == 'try' else command}")
    finally:
        gc.enable()


def _silence() -> None:
    """Lead standard output nowhere, so that the interpreter's own end does not fail on what is left to write."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parsers(wanted: str) -> tuple[Parser, Parser | None]:
    """Return the parser of all, and that of the wanted command if there is such a command."""
    parser = Parser(
        prog="mockserver",
        description="A mock and contract-testing server for one API: MyPreferences of PossibleNOW.",
        epilog=as_started("Start with: mockserver serve"),
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"mockserver {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", title="commands", required=True, parser_class=Parser)
    for name in COMMANDS:
        # Only the command in use is imported, so that each starts at once.
        command = _imported(name) if name == wanted else None
        child = commands.add_parser(
            name,
            help=_SUMMARIES[name],
            description=f"{_SUMMARIES[name][0].upper()}{_SUMMARIES[name][1:]}.",
            epilog=as_started(getattr(command, "EXAMPLES", "")),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if command is not None:
            command.configure(child)
            add_json(child)
            child.set_defaults(run=command.run)
    return parser, commands.choices.get(wanted)


def _options(parser: Parser, command: Parser | None, words: Sequence[str]) -> argparse.Namespace:
    """Parse the words; raise UsageError for what can't be read."""
    for word in words:
        if not is_utf8_text(word):
            raise UsageError(f"{word!r} is not UTF-8 text", hint="write it without that character")
    if command is None:
        _refuse_command(words[0])
    else:
        command.refuse_unknown_flags(words[1:])
        command.refuse_value_of_json(words)
    options, surplus = parser.parse_known_args(words)
    if surplus and command is not None:
        command.error(f"unexpected {surplus[0]!r}")
    return options


def _refuse_command(word: str) -> None:
    """Raise UsageError unless the word is a flag that needs no command."""
    if word in ("-h", "--help", "--version"):
        return
    if word.startswith("-"):
        hint = f"write mockserver COMMAND {word}; see mockserver --help"
        raise UsageError(f"{word} stands before the command", hint=hint)
    hint = did_you_mean(word, COMMANDS, f"the commands are {', '.join(COMMANDS)};")
    raise UsageError(f"there is no command {word!r}", hint=f"{hint} see mockserver --help")


def as_started(text: str) -> str:
    """Return a text with the commands in it written so that they work where this one was started."""
    return _INVOCATION.sub(lambda _: invocation(), text)


def invocation() -> str:
    """Return the words that started this command: `mockserver` only if the PATH has this one."""
    script = Path(sys.argv[0])
    if script.name == "__main__.py":
        return f"{shlex.quote(sys.orig_argv[0])} -m mockserver"
    if script.stem != "mockserver":
        return "mockserver"
    found = next(filter(os.path.isfile, (os.path.join(folder, "mockserver") for folder in os.get_exec_path())), None)
    with contextlib.suppress(OSError):
        if found is not None and os.path.samefile(found, script):
            return "mockserver"
    folder = script.absolute().parent
    near = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    return shlex.quote(os.path.join(near, script.name))


def add_settings(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add a flag for each named setting, all of them without names; `--config` comes along."""
    if not names:
        parser.usage = "%(prog)s [FLAG ...]"
    config = "configuration file (default: ./mockserver.toml, if it is there)"
    parser.add_argument("--config", type=Path, metavar="FILE", help=config)
    for name in names or FIELDS:
        row = FIELDS[name]
        flag, help_text = f"--{name.replace('_', '-')}", f"{row.metadata['help']} (default: {_default(row)})"
        default = argparse.SUPPRESS
        if row.type == "bool":
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=default, help=help_text)
        elif row.type == "tuple[str, ...]":
            parser.add_argument(flag, action="append", default=default, metavar=_metavar(name), help=help_text)
        else:
            shown = "|".join(map(str, row.metadata.get("choices", ()))) or _metavar(name)
            parser.add_argument(flag, default=default, metavar=shown, help=help_text)


def _default(row: Any) -> str:
    if row.default is MISSING:
        return str(row.metadata.get("shown", "the shipped one"))
    if row.default in (None, ()):
        return "none"
    return str(row.default).lower() if isinstance(row.default, bool) else str(row.default)


def _metavar(name: str) -> str:
    return {"fault": "SPEC", "fixtures": "DIR", "contract": "FILE", "ready_file": "FILE", "store": "URL"}.get(
        name, name.rsplit("_", 1)[-1].upper()
    )


def settings_of(options: argparse.Namespace) -> Settings:
    """Merge the flags that were given with environment and configuration file."""
    return load_settings(*_sources(options))


def settings_and_problems_of(options: argparse.Namespace) -> tuple[Settings, list[UsageError]]:
    """Merge as `settings_of` does, and return every problem instead of raising."""
    return read_settings(*_sources(options))


def _sources(options: argparse.Namespace) -> tuple[Mapping[str, Any], Mapping[str, str], Path | None]:
    given = {name: getattr(options, name) for name in FIELDS if hasattr(options, name)}
    config = options.config or (Path(path) if (path := os.environ.get("MOCKSERVER_CONFIG")) else None)
    return given, os.environ, config


def config_of(options: argparse.Namespace) -> Path:
    """Return the configuration file that is read if it is there."""
    return _sources(options)[2] or DEFAULT_CONFIG


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the flag with which every command speaks JSON."""
    parser.add_argument("--json", action="store_true", help="print JSON on standard output, all else on standard error")


def print_json(document: Mapping[str, Any]) -> None:
    """Print a result for machines."""
    global _printed
    _printed = True
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    print(json.dumps(document, indent=2, ensure_ascii=ascii_only, default=str))


def _report(failure: CommandError, *, as_json: bool) -> None:
    problem, hint = as_started(failure.problem), as_started(failure.hint)
    if as_json:
        print_json({"error": problem, "place": failure.place, "hint": hint, "exit": failure.exit_code})
    else:
        print(as_started(f"mockserver: {failure}"), file=sys.stderr)
