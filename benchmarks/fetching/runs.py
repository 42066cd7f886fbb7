"""Runs the three on a list of URLs: pairlake, img2dataset, and the bare work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.harness.processes import ROOT, Use, clean_environment, fresh, measured, module

SIDE = 256
PEER_VERSIONS = ("img2dataset", "opencv-python-headless", "albumentations", "simplejpeg", "pycurl")
_CORES = os.cpu_count() or 1
_SETTINGS = {
    "PAIRLAKE_ALLOW_NETWORKS": "127.0.0.0/8",
    "PAIRLAKE_USER_AGENT": "pairlake-benchmark/0.1 (you@localhost)",
    "PAIRLAKE_PIXEL_SIDE": str(SIDE),
}
# One server stands for many: it may be asked as often as it can answer.
_ONE_SERVER = {"PAIRLAKE_FETCH_DOMAIN_CONCURRENCY": "64", "PAIRLAKE_FETCH_DOMAIN_DELAY_S": "0"}
_COUNTED = """
from pairlake.lake.catalog import connect
import json
rows = connect(read_only=True).execute(
    "select split_part(image_url, '/', 4), outcome, count(*) from lake.raw.downloads "
    "inner join (select distinct url_id, image_url from lake.raw.image_text_pairs) using (url_id) "
    "group by all order by all"
).fetchall()
print(json.dumps({"rows": rows}))
"""
_PREPARED = """
import sys
from pairlake.lake.dbt_plugin import build_worklists
from pairlake.ingest.crawl.job import crawl
print(crawl([sys.argv[1]], crawl_id="bench"))
build_worklists()
"""


@dataclass(frozen=True, kw_only=True)
class Server:
    """The server on loopback: its root, its certificate if it has one, and its log."""

    base: str
    certificate: Path | None
    log: Path


@contextmanager
def serving(data: Path, *, tls: bool = False) -> Iterator[Server]:
    """The pictures of `data`/photos, served by a process of its own."""
    certificate = _certificate(data) if tls else None
    log = data / "server.log"
    names = [data / "photos", log, *([certificate] if certificate else [])]
    with subprocess.Popen(
        module("benchmarks.fetching.server", *names),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = int(process.stdout.readline())
        base = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        try:
            yield Server(base=base, certificate=certificate, log=log)
        finally:
            process.stdin.close()
            process.wait()


def ours(
    data: Path,
    server: Server,
    urls: Sequence[str],
    *arguments: str,
    hosts: bool = False,
    **variables: str,
) -> tuple[Use, list[tuple[str, str, int]]]:
    """`pairlake fetch` over a worklist of `urls`; what it took, and (kind, outcome, count)."""
    home, environment = _prepared(
        data, server, urls, {**({} if hosts else _ONE_SERVER), **variables}
    )
    command = module("benchmarks.fetching.resolved" if hosts else "pairlake", "fetch", *arguments)
    use = measured(command, home, environment)
    counted = subprocess.run(
        [sys.executable, "-c", _COUNTED],
        cwd=ROOT, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return use, [tuple(row) for row in json.loads(counted.stdout)["rows"]]


def profiled(data: Path, server: Server, urls: Sequence[str]) -> Path:
    """The profile of the process that downloads `urls`."""
    home, environment = _prepared(data, server, urls, _ONE_SERVER)
    found = home / "fetch.profile"
    command = module("cProfile", "-o", found, "-m", "pairlake", "fetch")
    measured(command, home, environment)
    return found


def _prepared(
    data: Path, server: Server, urls: Sequence[str], variables: dict[str, str]
) -> tuple[Path, dict[str, str]]:
    """A home folder whose worklist is `urls`, and the settings that lead to it."""
    home = fresh(data / "ours")
    environment = clean_environment(
        PAIRLAKE_HOME=str(home), **_SETTINGS, **variables, **_trust(server)
    )
    listed = _write_list(home / "list.parquet", urls)
    prepare = [sys.executable, "-c", _PREPARED, str(listed)]
    subprocess.run(prepare, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    return home, environment


def peers(data: Path, server: Server, urls: Sequence[str], python: Path) -> Use:
    """img2dataset over the same list, in one process per core with 32 threads each."""
    folder = fresh(data / "peers")
    listed = _write_list(folder / "list.parquet", urls)
    script = Path(__file__).with_name("peer_img2dataset.py")
    command = [str(python), "-P", str(script), str(listed), str(folder / "out"), str(_CORES)]
    environment = clean_environment(NO_ALBUMENTATIONS_UPDATE="1", **_trust(server))
    return measured(command, folder, environment)


def images_of_peers(data: Path) -> int:
    """How many images img2dataset says that it has."""
    stats = (data / "peers" / "out").glob("*_stats.json")
    return sum(json.loads(path.read_text())["successes"] for path in stats)


def bare(data: Path, server: Server, count: int, python: Path) -> Use:
    """The bare work on the same images, in one process: it is CPU time that counts."""
    folder = data / "bare"
    folder.mkdir(exist_ok=True)
    script = Path(__file__).with_name("bare.py")
    trust = [str(server.certificate)] if server.certificate else []
    command = [str(python), "-P", str(script), server.base, "0", str(count), *trust]
    return measured(command, folder, clean_environment())


def _trust(server: Server) -> dict[str, str]:
    return {"SSL_CERT_FILE": str(server.certificate)} if server.certificate else {}


def _write_list(path: Path, urls: Sequence[str]) -> Path:
    captions = [f"a picture of the benchmark, number {number}" for number in range(len(urls))]
    pq.write_table(pa.table({"url": list(urls), "caption": captions}), path)
    return path


def _certificate(data: Path) -> Path:
    """A certificate for 127.0.0.1 with its key, which signs itself."""
    path = data / "certificate.pem"
    if not path.exists():
        key = data / "key.pem"
        subprocess.run(
            [
                "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
                "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                "-keyout", str(key), "-out", str(path),
            ],
            check=True, capture_output=True,
        )  # fmt: skip
        path.write_text(path.read_text() + key.read_text())
    return path
