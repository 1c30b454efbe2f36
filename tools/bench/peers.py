"""The same request to mock servers from npm: as they come, and doing as much of the mock's work as they can."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import orjson
import yaml

from mockserver.settings import Settings
from tools.bench import machine, page, signed_patch, throughput
from tools.bench.abilities import QUESTIONS
from tools.bench.candidates import SERVE, Candidate
from tools.bench.server_process import Unavailable
from tools.bench.throughput import Throughput

PACKAGES: Final = ("wiremock@3", "mockserver-node@8", "@stoplight/prism-cli@5")
NPM: Final = Path(sys.prefix) / "npm"
PROFILE: Final = orjson.loads(signed_patch.PROFILE_FILE.read_bytes())
CANNED: Final = orjson.dumps(PROFILE).decode()
SIGNED: Final = "PNAUTHINFO3-HMAC-SHA(256|384|512) Credential=[^ ]+/[^ ]+ Signature=[^ ]+"
UNAUTHORIZED: Final = json.dumps({"Message": "Authorization has been denied for this request."})
BAD_REQUEST: Final = json.dumps({"Message": "The request is invalid."})
JSON: Final = "application/json"


def _contract() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(Settings().contract.read_bytes())
    return document


def patch_schema() -> dict[str, Any]:
    """Return the contract's schema of a patch, with all that it refers to."""
    text = json.dumps(_contract()["components"]["schemas"]).replace("#/components/schemas/", "#/$defs/")
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": draft, "$ref": "#/$defs/JsonPatchDocument", "$defs": json.loads(text)}


def _jar(pattern: str) -> str:
    found = sorted((NPM / "node_modules").glob(pattern))
    if not found:
        raise Unavailable(f"its npm package holds no {pattern.rpartition('/')[2]}; what is downloaded later isn't used")
    return str(found[-1])


def _wiremock(port: int, directory: Path, stubs: list[dict[str, Any]]) -> list[str]:
    (directory / "mappings").mkdir()
    (directory / "mappings" / "all.json").write_text(json.dumps({"mappings": stubs}), "utf-8")
    options = ["--port", str(port), "--bind-address", "127.0.0.1", "--root-dir", str(directory)]
    return ["java", "-jar", _jar("wiremock/build/wiremock-standalone-*.jar"), *options, "--disable-request-logging"]


def _wiremock_stub(priority: int, status: int, body: str, **more: Any) -> dict[str, Any]:
    request = {"method": "PATCH", "urlPath": signed_patch.PATH, **more}
    response = {"status": status, "headers": {"Content-Type": JSON}, "body": body}
    return {"priority": priority, "request": request, "response": response}


def _wiremock_canned(port: int, directory: Path) -> list[str]:
    return _wiremock(port, directory, [_wiremock_stub(1, 200, CANNED)])


def _wiremock_checking(port: int, directory: Path) -> list[str]:
    headers = {"Authorization": {"matches": SIGNED}, "Content-Type": {"equalTo": signed_patch.CONTENT_TYPE}}
    schema = {"matchesJsonSchema": json.dumps(patch_schema()), "schemaVersion": "V202012"}
    shown = orjson.dumps({**PROFILE, "CustomerType": "{{jsonPath request.body '$[0].value'}}"}).decode()
    good = _wiremock_stub(1, 200, shown, headers=headers, bodyPatterns=[schema])
    good["response"]["transformers"] = ["response-template"]
    unsigned = _wiremock_stub(2, 401, UNAUTHORIZED, headers={"Authorization": {"doesNotMatch": SIGNED}})
    return _wiremock(port, directory, [good, unsigned, _wiremock_stub(3, 400, BAD_REQUEST)])


def _mockserver(port: int, directory: Path, expectations: list[dict[str, Any]]) -> list[str]:
    (directory / "init.json").write_text(json.dumps(expectations), "utf-8")
    jar = _jar("mockserver-node/mockserver-netty-*.jar")
    options = ["--port", str(port), "--log-level", "WARN", "--init", str(directory / "init.json")]
    return ["java", "-Dmockserver.localBoundIP=127.0.0.1", "-jar", jar, "run", *options]


def _expectation(status: int, text: str, **more: Any) -> dict[str, Any]:
    request = {"method": "PATCH", "path": signed_patch.PATH, **more}
    answer = {"statusCode": status, "headers": {"Content-Type": [JSON]}, "body": text}
    return {"httpRequest": request, "httpResponse": answer}


def _mockserver_canned(port: int, directory: Path) -> list[str]:
    return _mockserver(port, directory, [_expectation(200, CANNED)])


def _mockserver_checking(port: int, directory: Path) -> list[str]:
    headers = {"Authorization": [SIGNED], "Content-Type": [signed_patch.CONTENT_TYPE.replace("+", "[+]")]}
    schema = {"type": "JSON_SCHEMA", "jsonSchema": patch_schema()}
    good = _expectation(200, CANNED, headers=headers, body=schema)
    shown = {**PROFILE, "CustomerType": "{{#jsonPath}}$[0].value{{/jsonPath}}{{jsonPathResult}}"}
    template = json.dumps({**good.pop("httpResponse"), "body": shown})
    good["httpResponseTemplate"] = {"templateType": "MUSTACHE", "template": template}
    unsigned = _expectation(401, UNAUTHORIZED, headers={"!Authorization": [SIGNED]})
    return _mockserver(port, directory, [good, unsigned, _expectation(400, BAD_REQUEST)])


def _prism(port: int, directory: Path) -> list[str]:
    program = NPM / "node_modules" / ".bin" / "prism"
    if not program.exists():
        raise Unavailable("its npm package holds no program prism")
    contract = _contract()
    # A scheme that it knows, or it checks nothing of who asks.
    key = {"type": "apiKey", "in": "header", "name": "Authorization"}
    contract["components"]["securitySchemes"]["PnAuthInfo3"] = key
    contract["security"] = [{"PnAuthInfo3": []}]
    (directory / "contract.json").write_text(json.dumps(contract, default=str), "utf-8")
    # What it finds wrong is not logged, which would cost more than to find it.
    return [str(program), "mock", "--port", str(port), "--verboseLevel", "silent", str(directory / "contract.json")]


PEERS: Final = (
    SERVE._replace(answers=("JSON",), does="patched and journalled profile"),
    Candidate("WireMock", _wiremock_canned, programs=("java",), does="canned profile, request log off", patches=False),
    Candidate(
        "WireMock, checking",
        _wiremock_checking,
        programs=("java",),
        does="rules for headers, the contract's JSON schema, the first value put into a template",
    ),
    Candidate(
        "MockServer", _mockserver_canned, programs=("java",), does="canned profile, log level WARN", patches=False
    ),
    Candidate(
        "MockServer, checking",
        _mockserver_checking,
        programs=("java",),
        does="rules for headers, the contract's JSON schema, the first value put into a template",
    ),
    Candidate(
        "Prism, checking",
        _prism,
        programs=("node",),
        does="validates by the contract, answers its example",
        patches=False,
    ),
)


def install() -> None:
    """Install the packages with npm; raise Unavailable if that can't be done."""
    if shutil.which("npm") is None:
        raise Unavailable("npm is needed to install them: install Node.js")
    NPM.mkdir(exist_ok=True)
    command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel", "error", "--prefix", str(NPM), *PACKAGES]
    machine.say("installing " + ", ".join(PACKAGES))
    if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
        raise Unavailable("npm could not install " + ", ".join(PACKAGES))


def measure(rounds: int, seconds: int, warm_up_s: int) -> str:
    """Return the page's generated part."""
    seen = throughput.measure(PEERS, rounds=rounds, seconds=seconds, warm_up_s=warm_up_s, ask=True)
    loads = page.throughput_table(seen, PEERS, {SERVE.name: f"× {SERVE.name}"})
    return "\n\n".join([_abilities(seen), loads + "\n" + page.left_out(seen.skipped), _sizes(seen)])


def _abilities(seen: Throughput) -> str:
    """Return the table of what each did of the mock's work when it was asked."""
    rows = [[name, *("yes" if does else "no" for does in found)] for name, found in seen.abilities.items()]
    return page.table(["server", *QUESTIONS], rows)


def _sizes(seen: Throughput) -> str:
    head = ["server", "start to first 200", "memory after all this"]
    rows = [
        [name, f"{seconds * 1000:,.0f} ms", f"{seen.rss_bytes[name] / 1e6:,.0f} MB"]
        for name, seconds in seen.start_up_s.items()
    ]
    return page.table(head, rows)
