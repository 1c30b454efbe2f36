"""docs/clients: each page's files and commands run as they stand, on http and https, where there is its language."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mockserver.server.server import Server
from mockserver.service.assembly import assemble
from mockserver.settings import Settings

ROOT = Path(__file__).parents[2]
STAND_IN = Path(__file__).parent / "stand_in"
VECTORS = ROOT / "contracts" / "signature-vectors.json"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "clients").glob("*.md")}


def blocks(page: str, language: str = "") -> list[str]:
    """Return a page's blocks in a language; the commands are in none."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGES[page], re.M | re.S)
    return [text for named, text in found if named == language]


def needs(*programs: str) -> pytest.MarkDecorator:
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} is not installed")


@pytest.fixture(scope="session")
def servers(serve: Callable[..., Server]) -> tuple[Server, Server]:
    mock = assemble(Settings(port=0, log="off"))
    return serve(mock), serve(mock, tls=True)


def write_files(page: str, folder: Path) -> None:
    """Write each block that names itself in its first line."""
    shutil.copy(VECTORS, folder)
    for text, name in re.findall(r"^```\w+\n(// ([\w.]+)\n.*?)^```$", PAGES[page], re.M | re.S):
        (folder / name).write_text(text, encoding="utf-8")


def run_commands(page: str, folder: Path, servers: tuple[Server, Server]) -> list[str]:
    """Run the page's commands with the ports of the mock, and return what each block of them printed."""
    plain, secure = servers
    assert secure.tls is not None
    shutil.copy(str(secure.tls.ca), folder / "ca.pem")
    told = []
    for block in blocks(page):
        script = block.replace("127.0.0.1:8080", f"127.0.0.1:{plain.port}").replace(
            "localhost:8443", f"localhost:{secure.port}"
        )
        path = f"{STAND_IN}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-e", "-c", script], cwd=folder, env={**os.environ, "PATH": path}, timeout=120, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        told.append(done.stdout)
    assert len(told) == 2
    return told


@needs("node")
def test_javascript(tmp_path: Path, servers: tuple[Server, Server]) -> None:
    write_files("javascript", tmp_path)
    for told in run_commands("javascript", tmp_path, servers):
        assert "pass 15\n" in told


@needs("java", "javac", "keytool")
def test_java(tmp_path: Path, servers: tuple[Server, Server]) -> None:
    """With stand-ins for JUnit and Maven."""
    write_files("java", tmp_path)
    for told in run_commands("java", tmp_path, servers):
        assert told.count("ok ") == 3


@needs("go", "gofmt")
def test_go(tmp_path: Path, servers: tuple[Server, Server]) -> None:
    """Formatted and without complaints, too."""
    write_files("go", tmp_path)
    for told in run_commands("go", tmp_path, servers):
        assert "ok" in told
    for command in (("gofmt", "-l", "."), ("go", "vet")):
        done = subprocess.run(command, cwd=tmp_path, timeout=120, check=True, capture_output=True, text=True)
        assert done.stdout + done.stderr == ""


@needs("node")
def test_postman_signs() -> None:
    """As recorded, before a request."""
    (script, *_) = blocks("postman", "js")
    command = ["node", str(STAND_IN / "postman.cjs"), str(VECTORS)]
    done = subprocess.run(command, input=script, timeout=60, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ok ") == 9


@pytest.mark.parametrize("page", ["go", "java", "csharp"])
def test_the_signature_on_a_page_is_the_recorded_one(page: str) -> None:
    (signature,) = re.findall(r"Signature=([\w+/]{43}=)", PAGES[page])
    assert signature in VECTORS.read_text(encoding="utf-8")
