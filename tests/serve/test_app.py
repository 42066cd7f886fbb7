"""The API answers in JSON, refuses in one sentence, and gives no page elsewhere a way in."""

from __future__ import annotations

import io
import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from serve.app import PortInUse, create_app, serve
from serve.search import Search
from tests.serve.conftest import APPLE, CAT, HOSTILE, POMME, encode_captions


@pytest.fixture
def client(search: Search) -> TestClient:
    return TestClient(create_app(search), base_url="http://127.0.0.1")


def test_search_finds_by_text(client: TestClient) -> None:
    answer = client.get("/api/search", params={"q": " a cat ", "limit": 1})
    assert answer.status_code == 200
    (result,) = answer.json()["results"]
    assert result["pair_id"] == str(CAT.pair_id)
    assert (result["caption"], result["page_url"]) == (CAT.caption, None)
    assert (result["width"], result["height"]) == (300, 200)


def test_search_finds_what_is_like_a_pair(client: TestClient) -> None:
    answer = client.get("/api/search", params={"like": str(APPLE.pair_id), "split": "multi"})
    assert answer.json()["results"] == []
    unknown = client.get("/api/search", params={"like": str(APPLE.image_id)})
    assert unknown.status_code == 404
    assert "not published" in unknown.json()["error"]


def test_filters_reach_the_index(client: TestClient) -> None:
    answer = client.get("/api/search", params={"q": "apple", "language": "fr", "by": "caption"})
    assert [result["caption"] for result in answer.json()["results"]] == [POMME.caption]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "give either q, a text, or like"),
        ("q=%20", "give either q, a text, or like"),
        (f"q=apple&like={APPLE.pair_id}", "give either q, a text, or like"),
        ("q=" + "a" * 501, "q: String should have at most 500 characters"),
        ("q=apple&limit=201", "limit: Input should be less than or equal to 200"),
        ("q=apple&limit=many", "limit: Input should be a valid integer"),
        ("q=apple&split=all", "split: Input should be 'en', 'multi' or 'nolang'"),
        ("q=apple&language=' or 1=1", "language: String should match pattern"),
        ("like=7", "like: Input should be a valid UUID"),
    ],
)
def test_a_bad_request_is_refused_in_words(client: TestClient, query: str, reason: str) -> None:
    answer = client.get(f"/api/search?{query}")
    assert answer.status_code == 400
    assert reason in answer.json()["error"]


def test_stats_say_what_is_published(client: TestClient) -> None:
    stats = client.get("/api/stats").json()
    assert stats["rows"] == 5
    assert stats["splits"] == {"en": 3, "multi": 1, "nolang": 1}
    assert stats["published_at"].endswith("+00:00")
    assert (stats["image_encoder"], stats["caption_encoder"]) == ("tiny", "tiny")


def test_thumbnails_are_jpeg(client: TestClient) -> None:
    answer = client.get(f"/thumbnails/{CAT.image_id}.jpg")
    assert answer.headers["content-type"] == "image/jpeg"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (256, 171)
    assert client.get(f"/thumbnails/{CAT.pair_id}.jpg").status_code == 404
    assert client.get("/thumbnails/..%2f..%2fetc.jpg").status_code in (400, 404)


@pytest.mark.parametrize("path", ["/", "/page.css", "/page.js", "/api/stats", "/nothing"])
def test_every_answer_carries_the_headers_that_keep_a_page_in_its_place(
    client: TestClient, path: str
) -> None:
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_another_name_for_this_machine_is_refused(client: TestClient) -> None:
    answer = client.get("/api/stats", headers={"host": "rebound.example"})
    assert answer.status_code == 400


def test_hostile_captions_stay_json(client: TestClient) -> None:
    answer = client.get("/api/search", params={"q": "star", "limit": 1})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["results"][0]["caption"] == HOSTILE.caption


def test_before_the_first_publication_the_next_step_is_named(tmp_path: Path) -> None:
    search = Search(tmp_path / "search", lambda _: encode_captions)
    client = TestClient(create_app(search), base_url="http://127.0.0.1")
    assert client.get("/").status_code == 200
    stats = client.get("/api/stats").json()
    assert (stats["rows"], stats["published_at"]) == (0, None)
    assert "pairlake publish" in stats["message"]
    for path in ("/api/search?q=apple", f"/thumbnails/{CAT.image_id}.jpg"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "pairlake publish" in answer.json()["error"]


def test_a_port_in_use_is_one_sentence(search: Search) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"Port {port} on 127\.0\.0\.1 .*PAIRLAKE_PORT"):
            serve(search, port=port, progress=print)


def test_serving_ends_cleanly_when_interrupted(published: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from serve.app import serve; "
        "from serve.search import Search; from tests.serve.conftest import encode_captions; "
        "search = Search(Path(sys.argv[1]), lambda _: encode_captions); "
        "serve(search, port=0, progress=lambda line: print(line, flush=True))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(published)], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[3]
        with urllib.request.urlopen(f"{address}api/search?q=cat&limit=1") as answer:  # noqa: S310  # our own
            results = json.load(answer)["results"]
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=30) == 0
        assert server.stdout.read() == "The search page is closed.\n"
    assert address.startswith("http://127.0.0.1:")
    assert [result["caption"] for result in results] == [CAT.caption]
