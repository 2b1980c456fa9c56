"""Run as a script by an agent's MCP client: passes its bytes on to the episode's socket.

It imports nothing of ours, so it is there at once: clients give a server seconds to start.
"""

import os
import socket
import sys
import threading


def _upward(link: socket.socket) -> None:
    """Pass standard input on until it ends."""
    while data := os.read(0, 65536):
        link.sendall(data)
    link.shutdown(socket.SHUT_WR)


def main(path: str) -> None:
    """Relay until the episode's side ends."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(path)
        threading.Thread(target=_upward, args=(link,), daemon=True).start()
        while data := link.recv(65536):
            while data:
                data = data[os.write(1, data) :]


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except OSError:  # the client or the episode has ended
        sys.exit(1)
    os._exit(0)  # the other direction may wait for input for ever
