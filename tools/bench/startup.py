"""Start-up: from starting the process to the first 200 to a signed PATCH."""

from __future__ import annotations

from tools.bench import candidates, machine, server_process
from tools.bench.server_process import ServerProcess

COMMANDS = {
    "mockserver serve": candidates.serve,
    "bare Flask on Werkzeug": lambda port: candidates.python("-m", "tools.bench.apps.bare", str(port)),
}


def measure(runs: int) -> dict[str, float]:
    """Return each command's best time in seconds; they take turns."""
    best = dict.fromkeys(COMMANDS, float("inf"))
    for _ in range(runs):
        for name in COMMANDS:
            best[name] = min(best[name], _start_up_s(name))
    for name, seconds in best.items():
        machine.say(f"  {name}: {seconds * 1000:,.0f} ms")
    return best


def _start_up_s(name: str) -> float:
    port = server_process.free_port()
    with ServerProcess(COMMANDS[name](port), port) as server:
        return server.start_up_s
