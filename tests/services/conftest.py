"""The S3 server of these tests, one for all of them."""

from collections.abc import Iterator

import pytest

from tests.services.s3 import S3


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    made = S3(tmp_path_factory.mktemp("s3"))
    yield made
    made.stop()


@pytest.fixture
def s3(server: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    server.faulty.unlink(missing_ok=True)
    import fsspec.config  # read once at its import, which may have been before

    monkeypatch.setitem(fsspec.config.conf, "s3", {"endpoint_url": server.endpoint})
    return server
