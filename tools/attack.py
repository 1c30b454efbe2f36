"""Attack a mock on this machine and watch a bystander: `python -m tools.attack [NAME …]`.

Each attack lasts about two seconds, over two connections, on one server with default settings but --auth off. The
bystander patches a profile of its own world meanwhile: its answers should not take longer than usual.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

from tools.bench.server_process import resident_bytes

PROFILE = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"
ADMIN_PROFILE = "/__admin/profiles/ACME01/CRM/"
LASTS_S = 2.0
PAUSE_S = 0.005
PATIENCE_S = 60
EMAIL = {"EmailAddress": "x" * 200 + "@a"}


class Sent(NamedTuple):
    """One request, as bytes."""

    data: bytes


def request(method: str, path: str, body: object = b"", **headers: str) -> Sent:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    rows = {"Host": "localhost", "Content-Type": "application/json", "Content-Length": str(len(data)), **headers}
    head = "\r\n".join([f"{method} {path} HTTP/1.1", *(f"{n.replace('_', '-')}: {v}" for n, v in rows.items()), "", ""])
    return Sent(head.encode() + data)


class Client:
    """A connection that reads answers without looking into them."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)

    def ask(self, sent: Sent) -> int:
        """Return the status; 0 for a connection that ends."""
        with contextlib.suppress(OSError):
            self.sock.sendall(sent.data)
            received = b""
            while b"\r\n\r\n" not in received:
                if not (more := self.sock.recv(65536)):
                    return 0
                received += more
            head, _, body = received.partition(b"\r\n\r\n")
            left = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or 0) - len(body)
            while left > 0 and (more := self.sock.recv(min(left, 1 << 20))):
                left -= len(more)
            return int(head[9:12])
        return 0


def adds(number: int, path: str = "/Emails/-") -> list[object]:
    return [{"op": "add", "path": path, "value": {"EmailAddress": f"a{n}@example.com"}} for n in range(number)]


def fault(number: int) -> Sent:
    return request("POST", "/__admin/faults", {"match": {"path": f"/Emails/{number}"}, "effect": {"status": 500}})


def large_profile(name: str, size: int) -> Sent:
    return request(
        "PUT",
        f"{ADMIN_PROFILE}{name}",
        {
            "ProfileId": 78,
            "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": name}],
            "Emails": [{"EmailAddress": "x" * 200 + "@a"}] * (size // 700),
        },
    )


def journal(number: int, body: object) -> list[Sent]:
    return [request("PATCH", PROFILE, body) for _ in range(number)]


def worlds(number: int) -> Iterator[Sent]:
    profile = {
        "ProfileId": 77,
        "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "big"}],
        "Emails": [EMAIL] * 1400,
    }
    for n in range(number):
        yield request("PUT", f"{ADMIN_PROFILE}big", profile, X_Mock_Namespace=f"w{n}")


def deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


NUMBERS = [[n, list(range(50))] for n in range(300)]
PATTERNS: dict[str, object] = {
    "regex": {"bodyPatterns": [{"matches": "(a*?)*a*?a*?a*?b|.*x.*y.*z"}] * 50},
    "many-headers": {"headers": {f"x-{n}": {"contains": "y"} for n in range(20_000)}},
    "many-bodies": {"bodyPatterns": [{"equalToJson": {}, "ignoreExtraElements": True}] * 5_000},
    "any-order": {"bodyPatterns": [{"equalToJson": NUMBERS[::-1], "ignoreArrayOrder": True}] * 20},
    "deep": {"bodyPatterns": [{"equalToJson": json.loads(deep(300))}]},
}


def pattern_attacks() -> dict[str, tuple[list[Sent], list[Sent]]]:
    full = journal(60, NUMBERS) + journal(600, [])
    found = {f"find-{name}": (full, [request("POST", "/__admin/requests/find", p)]) for name, p in PATTERNS.items()}
    strict = {"sequence": [{}] * 100_000, "strict": True}
    missed = {"headers": {f"x-{n}": {"equalTo": "y" * 200} for n in range(200)}}
    return found | {
        "verify-sequence": (full, [request("POST", "/__admin/verify", strict)]),
        "verify-near-misses": (full, [request("POST", "/__admin/verify", missed)]),
    }


def attacks() -> dict[str, tuple[list[Sent], list[Sent]]]:
    """Return each attack: what prepares it, and what is sent again and again."""
    many_faults = [fault(n) for n in range(1200)]
    described = {"client": "ACME01", "alternateIdType": "CRM", "alternateId": "C-000417"}
    large_fault = {"effect": {"status": 500, "message": "m" * 900_000}}
    ids = {"ProfileId": 79, "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": f"i{n}"} for n in range(8000)]}
    export = journal(2000, adds(10, "/Emails/0"))
    return {
        "nothing": ([], []),
        "commas": ([], [request("PATCH", PROFILE, b"[" + b"," * 1_000_000)]),
        "empty-objects": ([], [request("PATCH", PROFILE, b"[" + b"{}," * 340_000 + b"{}]")]),
        "deep-body": ([], [request("PATCH", PROFILE, deep(500_000))]),
        "thousand-operations": ([], [request("PATCH", PROFILE, adds(1000), X_Mock_Namespace="adds")]),
        "thousand-rules": (many_faults, [request("PATCH", PROFILE, adds(150)), request("PATCH", PROFILE, adds(900))]),
        "plan": (many_faults, [request("GET", "/__admin/faults/plan"), request("GET", "/__admin/faults/plan?n=9999")]),
        "deep-fault": ([], [request("POST", "/__admin/faults", b'{"match":{"op":' + deep(900) + b"}}")]),
        **pattern_attacks(),
        "list-requests": (export, [request("GET", "/__admin/requests?all=true")]),
        "har": (export, [request("GET", "/__admin/requests.har?all=true")]),
        "try": ([], [request("POST", "/__admin/try", {**described, "body": adds(1000)})]),
        "try-large": ([], [request("POST", "/__admin/try", {**described, "body": [{}] * 900_000})]),
        "snapshots": ([], [request("POST", f"/__admin/snapshots/s{n}") for n in range(2000)]),
        "faults": ([], [fault(n) for n in range(5000)]),
        "large-faults": ([], [request("POST", "/__admin/faults", large_fault)]),
        "worlds": ([], list(worlds(400))),
        "alternate-ids": ([], [request("PUT", f"{ADMIN_PROFILE}i{n}", ids) for n in range(3)]),
        "large-profile": ([large_profile("L", 900_000)], [request("PATCH", PROFILE.replace("C-000417", "L"), b"[]"),
            request("PATCH", PROFILE.replace("C-000417", "L"), b"[]", Accept="application/xml")]),
        "same-profile": ([], [request("PATCH", PROFILE, adds(900), X_Mock_Namespace="bystander")]),
    }  # fmt: skip


class Bystander(threading.Thread):
    """Patches one profile, over and over, and notes how long each answer took."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.client, self.took, self.over = Client(port), [0.0], threading.Event()
        operation = [{"op": "replace", "path": "/CustomerType", "value": "Prospect"}]
        self.sent = request("PATCH", PROFILE, operation, X_Mock_Namespace="bystander")

    def run(self) -> None:
        while not self.over.wait(PAUSE_S):
            started = time.perf_counter()
            self.client.ask(self.sent)
            self.took.append(time.perf_counter() - started)

    def p99(self) -> float:
        return sorted(self.took)[int(len(self.took) * 0.99)]


def attack(port: int, sent: list[Sent], statuses: Counter[int]) -> None:
    client, ends = Client(port), time.monotonic() + LASTS_S
    for one in cycle(sent):
        if (status := client.ask(one)) in (0, 408, 413, 503):
            client = Client(port)
        statuses[status] += 1
        if time.monotonic() > ends + (0 if len(sent) < 100 or statuses.total() >= len(sent) else 8):
            return


def run(port: int, pid: int, name: str, prepare: list[Sent], sent: list[Sent]) -> bool:
    """Run one attack and print what came of it; return whether the bystander was served in time."""
    first, statuses = Client(port), Counter[int]()
    first.ask(request("POST", "/__admin/reset?all=true"))
    for one in prepare:
        first.ask(one)
    bystander = Bystander(port)
    bystander.start()
    threads = [threading.Thread(target=attack, args=(port, sent, statuses)) for _ in range(2 if sent else 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not threads:
        time.sleep(LASTS_S)
    bystander.over.set()
    bystander.join()
    answered = " ".join(f"{status}x{number}" for status, number in sorted(statuses.items()))
    p99, worst, memory = bystander.p99() * 1000, max(bystander.took) * 1000, resident_bytes(pid) >> 20
    print(f"{name:20} p99 {p99:7.1f} ms  worst {worst:7.1f} ms  {memory:4d} MB  {answered}", flush=True)
    return p99 <= 100


@contextlib.contextmanager
def serving() -> Iterator[tuple[int, int]]:
    """Start a server; yield its port and process id."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", "--auth", "off", "--log", "off"]
        process = subprocess.Popen([*command, "--ready-file", str(ready)], stdout=subprocess.DEVNULL)
        try:
            while not ready.exists() and process.poll() is None:
                time.sleep(0.05)
            yield int(json.loads(ready.read_text())["url"].rpartition(":")[2]), process.pid
        finally:
            process.terminate()
            process.wait(10)


def main(names: list[str]) -> int:
    """Run the attacks of those names, or all; return 1 if the bystander had to wait in one."""
    with serving() as (port, pid):
        outcomes = [run(port, pid, name, *parts) for name, parts in attacks().items() if not names or name in names]
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(attacks())}")
    sys.exit(main(parser.parse_args().names))
