"""Applications in three languages live with the mock as they would with the vendor's API."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mockserver.commands.running import make_server
from mockserver.service.assembly import assemble
from mockserver.settings import Settings

FOLDER = Path(__file__).parent / "applications"
LANGUAGES = {"Python": ("application.py", sys.executable), "Node": ("application.mjs", "node"),
             "Java": ("Application.java", "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")}  # fmt: skip
USER, SECRET_KEY = "editor@acme.example", "fake-demo-secret-of-the-acme-editor"
WHOM = ("ACME01", USER, "CRM", "C-000417")
TOLD = """\
json: read 200 Customer
json: patch 200 Prospect
json: read back 200 Prospect
json: deactivate 200
json: patch 404
json: activate 200
json: read 200 Prospect
xml: read 200 Prospect
xml: patch 200 Lead
xml: read back 200 Lead
xml: deactivate 200
xml: patch 404
xml: activate 200
xml: read 200 Lead
"""


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_application_reads_patches_hides_and_brings_back(language: str) -> None:
    """In JSON and in XML, signed by its own code."""
    file, program, *options = LANGUAGES[language]
    if shutil.which(program) is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{program} is not installed")
    with make_server(assemble(Settings(port=0, log="off"))) as server:
        command = [program, *options, str(FOLDER / file), server.url, *WHOM]
        environment = {**os.environ, "SECRET_KEY": SECRET_KEY}
        run = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=60)
    assert (run.stderr, run.stdout) == ("", TOLD)


@pytest.mark.parametrize("file", [file for file, *_ in LANGUAGES.values()])
def test_no_application_knows_of_a_mock(file: str) -> None:
    text = (FOLDER / file).read_text(encoding="utf-8").lower()
    assert not [word for word in ("mock", "localhost", "127.0.0.1", "__admin") if word in text]
