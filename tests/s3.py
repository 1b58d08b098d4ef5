"""A local S3 server with one bucket, for the tests that need one; the environment says where it is."""

import logging
from collections.abc import Iterator
from socket import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="session")
def s3_environment() -> dict[str, str]:
    """Where the server will be, once there is one."""
    with socket() as one:
        one.bind(("127.0.0.1", 0))
        return KEYS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{one.getsockname()[1]}"}


@pytest.fixture
def bucket(s3_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The client of boto3; the bucket's name is "bucket", and nothing is in it."""
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # which tells every request
    for name, value in s3_environment.items():
        monkeypatch.setenv(name, value)
    address = urlsplit(s3_environment["AWS_ENDPOINT_URL"])
    running = server.ThreadedMotoServer(address.hostname, address.port, verbose=False)
    running.start()
    try:
        client = boto3.client("s3")
        client.create_bucket(Bucket="bucket")
        yield client
        client.close()
    finally:
        running.stop()
