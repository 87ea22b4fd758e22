"""An engine that knows nothing of WhatsApp: a process in the place of the worker.

It speaks the protocol over ``--fd`` and does what the test says over a socket of its own
(``--control``, lines of JSON): `ToyPhone` decides, this process has a life that can be ended.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import selectors
import socket
import sys
from typing import Any

from bridge.whatsapp.web.codec import Decoder, encode


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--control", required=True)
    parser.add_argument("--fd", required=True, type=int)
    options = parser.parse_args()
    ponte = socket.socket(fileno=options.fd)
    control = socket.socket(socket.AF_UNIX)
    control.connect(options.control)
    say(control, {"born": os.getpid(), "environ": sorted(os.environ), "argv": sys.argv[1:]})
    decoder, rest = Decoder(), b""
    ready = selectors.DefaultSelector()
    ready.register(ponte, selectors.EVENT_READ)
    ready.register(control, selectors.EVENT_READ)
    while True:
        for key, _ in ready.select():
            data = key.fileobj.recv(65536)  # type: ignore[union-attr]
            if not data:
                os._exit(0)
            if key.fileobj is ponte:
                for frame in decoder.feed(data):
                    say(control, {"frame": frame})
                continue
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                do(ponte, json.loads(line))


def say(control: socket.socket, what: dict[str, Any]) -> None:
    control.sendall(json.dumps(what).encode() + b"\n")


def do(ponte: socket.socket, order: dict[str, Any]) -> None:
    match order:
        case {"send": dict(frame)}:
            ponte.sendall(encode(frame))
        case {"raw": str(raw)}:
            ponte.sendall(base64.b64decode(raw))
        case {"complain": str(line)}:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
        case {"exit": int(status)}:
            os._exit(status)
        case _:
            raise ValueError(order)


if __name__ == "__main__":
    main()
