"""How far training is, told by one worker to the driver while the stage runs."""

import contextlib
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator

_LOG = logging.getLogger(__name__)
_LONGEST = 1000  # bytes of a line; figures need a tenth of it
_PATIENCE = 5  # seconds

type Figures = tuple[int, float, float]
"""Round from 1, logloss of train, logloss of valid."""


@contextlib.contextmanager
def heard(host: str, on_round: Callable[[int, float, float], None]) -> Iterator[tuple[str, int]]:
    """Listen on a free port of `host` for the time of the block; gives the address to tell.

    What arrives is only shown: nothing depends on it, and what is no line of figures is passed over.
    """
    with socket.create_server((host, 0)) as server:
        thread = threading.Thread(target=_listen, args=(server, on_round), daemon=True)
        thread.start()
        try:
            yield server.getsockname()[:2]
        finally:
            server.shutdown(socket.SHUT_RDWR)  # ends a wait for a caller
            thread.join(_PATIENCE)


@contextlib.contextmanager
def telling(address: tuple[str, int]) -> Iterator[Callable[[int, float, float], None]]:
    """A function that sends figures to the driver; if the driver cannot be reached it does nothing."""
    try:
        line = socket.create_connection(address, timeout=_PATIENCE)
    except OSError as fault:
        _LOG.warning("rounds are not shown: the driver does not answer at %s: %s", address, fault)
        yield lambda *_: None
        return
    with line:
        yield lambda *figures: _send(line, figures)


def _send(line: socket.socket, figures: Figures) -> None:
    try:
        line.sendall(json.dumps(figures).encode() + b"\n")
    except OSError as fault:
        _LOG.warning("a round is not shown: %s", fault)


def _listen(server: socket.socket, on_round: Callable[[int, float, float], None]) -> None:
    try:
        caller, _ = server.accept()
    except OSError:  # the block has ended, nobody called
        return
    with caller, caller.makefile("rb") as lines:
        while line := lines.readline(_LONGEST):
            try:
                number, train, valid = json.loads(line)
                on_round(int(number), float(train), float(valid))
            except (ValueError, TypeError) as fault:
                _LOG.warning("not a line of figures: %s", fault)
