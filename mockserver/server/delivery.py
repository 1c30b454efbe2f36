"""The planned misbehaviours of a connection: one small function each, and the one registry that names them.

Each gets the connection and the answer to spoil. To add one: write it and enter it in `FAULTS`.
"""

from __future__ import annotations

from collections.abc import Callable

from mockserver.server.bounds import Spoiled

GARBAGE = b"\x00\xff\xfe{]no header section\x01\x1b[\x7f<\xc3\x28>" * 4
DRIP_PIECES = 16


def whole(connection: Spoiled, head: bytes, body: bytes) -> None:
    """Send the answer as it is: the plan was only to be late."""
    connection.write(head + body)
    connection.answered()


def reset(connection: Spoiled, head: bytes, body: bytes) -> None:
    """Break the connection with a TCP reset instead of an answer."""
    connection.break_off()


def empty(connection: Spoiled, head: bytes, body: bytes) -> None:
    """Close the connection without a byte."""
    connection.hang_up()


def truncate(connection: Spoiled, head: bytes, body: bytes) -> None:
    """Send half of the body that Content-Length promises, then close; without a body, half of the header section."""
    connection.write(head + body[: len(body) // 2] if body else head[: len(head) // 2])
    connection.hang_up()


def garbage(connection: Spoiled, head: bytes, body: bytes) -> None:
    """Send a valid status line, then bytes that are no header section, then close."""
    connection.write(head[: head.index(b"\n") + 1] + GARBAGE)
    connection.hang_up()


def drip(connection: Spoiled, head: bytes, body: bytes) -> None:
    """Send the whole answer in small pieces with pauses, `Server.drip_total_s` in all."""
    answer = head + body
    size = -(-len(answer) // DRIP_PIECES)
    pieces = [answer[start : start + size] for start in range(0, len(answer), size)]
    _send_pieces(connection, pieces, connection.server.drip_total_s / len(pieces))


def _send_pieces(connection: Spoiled, pieces: list[bytes], pause_s: float) -> None:
    connection.write(pieces[0])
    if len(pieces) > 1:
        connection.later(pause_s, _send_pieces, connection, pieces[1:], pause_s)
    else:
        connection.answered()


def stall(connection: Spoiled, head: bytes, body: bytes) -> None:
    """Send nothing until the client gives up, `Server.stall_max_s` at most."""
    connection.stall()
    connection.later(connection.server.stall_max_s, connection.hang_up)


FAULTS: dict[str | None, Callable[[Spoiled, bytes, bytes], None]] = {
    None: whole,
    "reset": reset,
    "empty": empty,
    "truncate": truncate,
    "garbage": garbage,
    "drip": drip,
    "stall": stall,
}
