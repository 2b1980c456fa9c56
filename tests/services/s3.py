"""An S3 server in a process of its own, which can be stopped, started and told to fail."""

import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

KEYS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing-not-a-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_MAX_ATTEMPTS": "2",  # the project's own patience is what is tested
}
SERVE = Path(__file__).with_name("s3_server.py")


class S3:
    """One server with the bucket ``records``."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.faulty = folder / "faulty"  # while this file is there, every answer is 503
        self._process = subprocess.Popen(
            [sys.executable, str(SERVE), str(self.port), str(self.faulty)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until_s = time.monotonic() + 60
        while True:
            try:
                ask = urllib.request.Request(f"{self.endpoint}/records", method="PUT")
                urllib.request.urlopen(ask).close()
                return
            except OSError:
                assert time.monotonic() < until_s, "the server did not start"
                time.sleep(0.1)

    @property
    def environment(self) -> dict[str, str]:
        return {**KEYS, "FSSPEC_S3_ENDPOINT_URL": self.endpoint}

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
