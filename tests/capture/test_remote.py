"""Captures in a bucket, and on a web server with TLS: read as files are, by whoever reads."""

import functools
import http.server
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from click.testing import CliRunner

import analyzer
from analyzer.cli import main
from analyzer.errors import CaptureError
from tests.many.cut import files_of, talk
from tests.transcript import transcript

pytestmark = pytest.mark.filterwarnings("default")  # those of dask, moto and botocore are not ours

ROOT = Path(__file__).parents[2]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "files"
    folder.mkdir()
    return [Path(name) for name in files_of(folder, transcript(talk(20)), [10, 20])]


def put(bucket: Any, file: Path, key: str) -> None:
    bucket.put_object(Bucket="bucket", Key=key, Body=zstandard.compress(file.read_bytes()))


@pytest.fixture
def ring(bucket: Any, files: list[Path]) -> list[str]:
    """Names that have wrapped, in the order of time; beside them what is no capture."""
    keys = [f"ring/{letter}.pcap.zst" for letter in "bca"]
    for file, key in zip(files, keys, strict=True):
        put(bucket, file, key)
    bucket.put_object(Bucket="bucket", Key="ring/README", Body=b"no capture")
    return [f"s3://bucket/{key}" for key in keys]


def report(*arguments: str | Path) -> str:
    """The JSON document without its head, which has the names."""
    result = CliRunner().invoke(main, ["--json", *map(str, arguments)])
    assert result.exit_code == 0, result.stderr
    return result.stdout.partition('"flows"')[2]


@pytest.mark.parametrize("how", [[], ["--jobs", "2"], ["--cluster"], ["--keep-shards", "kept"]], ids=" ".join)
def test_a_glob_in_a_bucket(
    how: list[str], ring: list[str], files: list[Path], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if how == ["--cluster"]:
        how = ["--cluster", request.getfixturevalue("address")]
    how = [str(tmp_path / "kept") if one == "kept" else one for one in how]
    assert len(ring) == 3
    assert report(*how, "s3://bucket/ring/*.pcap.zst") == report(*files)


def test_names_in_a_bucket(ring: list[str]) -> None:
    assert analyzer.analyze("s3://bucket/ring/*.zst").capture.files == tuple(ring)
    assert analyzer.analyze(*sorted(ring)).capture.files == tuple(ring)
    whole = analyzer.analyze("s3://bucket/ring/")  # as a directory
    assert whole.capture.files == (*ring, "s3://bucket/ring/README")
    assert list(whole.diagnostics["code"]) == ["unreadable-file"]


@pytest.mark.parametrize("name", ["s3://bucket/missing/", "s3://bucket/*.none", "s3://bucket/a.pcap", "s3://other/a"])
def test_what_a_bucket_does_not_have(name: str, bucket: Any) -> None:  # noqa: ARG001  # the server runs
    with pytest.raises(CaptureError) as raised:
        analyzer.analyze(name)
    assert str(raised.value).startswith(f"{name}: no such file")


def test_a_ring_in_a_bucket_that_grows(bucket: Any, ring: list[str], files: list[Path], tmp_path: Path) -> None:
    """One process asks again and again; of what is kept only what is new or was written anew is read."""
    reads: list[int] = []

    def read() -> analyzer.Analysis:
        reads.clear()
        return analyzer.analyze(
            "s3://bucket/ring/*.zst", keep_shards=tmp_path / "kept", resume=True, on_progress=reads.append
        )

    bucket.delete_object(Bucket="bucket", Key="ring/a.pcap.zst")
    assert read().capture.files == tuple(ring[:2])
    put(bucket, files[2], "ring/a.pcap.zst")
    assert read().capture.files == tuple(ring)
    assert read().capture.packets == 40
    put(bucket, files[0], "ring/c.pcap.zst")
    assert len(read().capture.files) == 4  # what was overwritten still belongs to it


@pytest.fixture
def server(files: list[Path], tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Address of a web server with TLS, and its certificate."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    making = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    subprocess.run([*making.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=files[0].parent)
    with http.server.ThreadingHTTPServer(("localhost", 0), handler) as served:
        served.socket = context.wrap_socket(served.socket, server_side=True)
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"https://localhost:{served.server_port}", certificate
        served.shutdown()
        thread.join()


@pytest.mark.needs("openssl")
def test_a_web_server_with_tls(server: tuple[str, Path], files: list[Path]) -> None:
    address, certificate = server
    urls = [f"{address}/{file.name}" for file in files]
    for trusted, code in (({"SSL_CERT_FILE": str(certificate)}, 0), ({}, 2)):
        result = subprocess.run(
            [sys.executable, "-m", "analyzer", "--json", *urls[::-1]],
            env=os.environ | {"PYTHONPATH": str(ROOT)} | trusted,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == code, result.stderr
        if code:
            assert result.stderr.startswith(
                f"ka-analyze: none of the 3 inputs can be used: {urls[2]}: cannot be opened: "
            )
            assert "certificate verify failed" in result.stderr
            assert len(result.stderr.splitlines()) == 1
        else:
            assert result.stdout.partition('"flows"')[2] == report(*files)
