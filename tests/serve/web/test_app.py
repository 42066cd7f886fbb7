"""The API answers in JSON, refuses in one sentence, and gives no page elsewhere a way in."""

from __future__ import annotations

import base64
import csv
import io
import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from threading import Event
from typing import Any

import pyarrow.parquet
import pytest
import uvicorn
from PIL import Image
from starlette.testclient import TestClient

from pairlake.lake.errors import BadRequest
from pairlake.lake.ports import PortInUse
from pairlake.serve.search import in_time
from pairlake.serve.search.search import Encoders, Search
from pairlake.serve.web.app import create_app, serve
from pairlake.serve.web.guard import MOST_BODY
from tests.serve.conftest import APPLE, CAT, ENCODERS, HOSTILE, POMME, SEA, picture


@pytest.fixture(scope="module")
def fronts(published: Path) -> TestClient:
    """A client of a server that takes requests from the site NAMED too."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PAIRLAKE_ORIGINS", f"{NAMED}/, https://front.example:443")
        return TestClient(create_app(Search(published, ENCODERS)), base_url=OWN)


@pytest.fixture
def client(search: Search) -> TestClient:
    return TestClient(create_app(search), base_url="http://127.0.0.1")


def _captions(answer: object) -> list[str]:
    return [result["caption"] for result in answer.json()["results"]]  # type: ignore[attr-defined]


def test_search_finds_by_text(client: TestClient) -> None:
    answer = client.get("/api/search", params={"q": " a cat ", "limit": 1})
    assert answer.status_code == 200
    (result,) = answer.json()["results"]
    assert result["pair_id"] == str(CAT.pair_id)
    assert (result["caption"], result["page_url"]) == (CAT.caption, None)
    assert (result["width"], result["height"]) == (300, 200)
    assert answer.json()["more"] is True


def test_search_finds_what_is_like_a_pair(client: TestClient) -> None:
    like = {"like": str(APPLE.pair_id), "where": "split = multi"}
    assert _captions(client.get("/api/search", params=like)) == []
    unknown = client.get("/api/search", params={"like": str(APPLE.image_id)})
    assert unknown.status_code == 404
    assert "not published" in unknown.json()["error"]


def test_filters_reach_the_index(client: TestClient) -> None:
    asked = {"q": "apple", "where": ["language in fr,de", "width >= 300"], "by": "caption"}
    assert _captions(client.get("/api/search", params=asked)) == [POMME.caption]


def test_what_is_unwanted_comes_last(client: TestClient) -> None:
    asked = {"q": ["cat", "apple"], "not": "cat"}
    assert _captions(client.get("/api/search", params=asked))[0] in (APPLE.caption, POMME.caption)
    away = {"q": ["cat", "apple"], "unlike": str(APPLE.pair_id)}
    assert _captions(client.get("/api/search", params=away))[0] == CAT.caption


def test_parts_come_as_json_too(client: TestClient) -> None:
    image = base64.b64encode(picture("sea")).decode()
    parts = [{"image": image}, {"text": "cat", "weight": -0.2}]
    answer = client.post("/api/search", json={"parts": parts, "limit": 1})
    assert _captions(answer) == [SEA.caption]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "Say what to search for"),
        ("q=%20", "Say what to search for"),
        ("not=cat", "Say what to search for"),
        ("q=" + "a" * 501, "String should have at most 500 characters"),
        ("q=apple&limit=201", "limit: Input should be less than or equal to 200"),
        ("q=apple&limit=many", "limit: Input should be a valid integer"),
        ("q=apple&offset=2001", "offset: Input should be less than or equal to 2000"),
        ("q=apple&split=en", "split: Extra inputs are not permitted"),
        ("q=apple&where=secret > 1", "There is no column 'secret'"),
        ("q=apple&where=width > many", "which is not a number"),
        ("q=apple&where=true; drop table pairs", "cannot be read"),
        ("q=apple&fold=all", "fold: Input should be 'image', 'near' or 'none'"),
        ("q=apple&hybrid=1&like=7", "Input should be a valid UUID"),
        ("q=apple&aesthetic=nan", "aesthetic: Input should be"),
        ("&".join(["q=apple"] * 17), "at most 16"),
    ],
)
def test_a_bad_request_is_refused_in_words(client: TestClient, query: str, reason: str) -> None:
    answer = client.get(f"/api/search?{query}")
    assert answer.status_code == 400
    assert reason in answer.json()["error"]


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({}, "one of: a text, a pair, a picture, a vector"),
        ({"text": "a", "vector": [1.0]}, "one of: a text, a pair, a picture, a vector"),
        ({"text": "a", "weight": 1e9}, "less than or equal to 100"),
        ({"image": "?"}, "not in base64"),
        ({"vector": [0.0] * 8}, "no direction"),
        ({"vector": [1.0, 2.0]}, "numbers"),
        ({"url": "http://127.0.0.1/"}, "Extra inputs are not permitted"),
    ],
)
def test_a_bad_part_is_refused_in_words(
    client: TestClient, part: dict[str, object], reason: str
) -> None:
    answer = client.post("/api/search", json={"parts": [part]})
    assert answer.status_code == 400
    assert reason in answer.json()["error"]


def test_a_body_without_end_is_refused(client: TestClient) -> None:
    answer = client.post("/api/search", content=b" " * (MOST_BODY + 1))
    assert answer.status_code == 413
    assert "larger than" in answer.json()["error"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_breaks_shows_no_path_and_no_traceback(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("/home/someone/lake is broken")

    monkeypatch.setattr(search, "find", broken)
    client = TestClient(
        create_app(search), base_url="http://127.0.0.1", raise_server_exceptions=False
    )
    answer = client.get("/api/search?q=cat")
    assert answer.status_code == 500
    assert answer.json() == {"error": "Something went wrong here; the server's log says what."}
    assert answer.headers["content-security-policy"].startswith("default-src 'self';")


def test_what_takes_too_long_is_given_up(
    client: TestClient, search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Event()
    monkeypatch.setattr(search, "find", lambda _: asked.wait(60))
    monkeypatch.setattr(in_time, "LONGEST_S", 0.01)
    answer = client.get("/api/search?q=cat")
    asked.set()
    assert answer.status_code == 503
    assert "took longer than 0.01 s; ask for fewer results" in answer.json()["error"]


def test_stats_say_what_is_published(client: TestClient) -> None:
    stats = client.get("/api/stats").json()
    assert (stats["rows"], stats["images"]) == (5, 4)
    assert stats["splits"] == {"en": 3, "multi": 1, "nolang": 1}
    assert stats["published_at"].endswith("+00:00")
    assert (stats["image_encoder"], stats["caption_encoder"]) == ("tiny", "tiny")
    assert stats["recipe"] == "demo"


def test_the_dataset_is_told_in_figures(client: TestClient) -> None:
    dataset = client.get("/api/dataset").json()
    assert dataset["funnel"] == {
        "sightings": 11,
        "pairs": 8,
        "kept": 5,
        "reasons": [
            {
                "reason": "caption_too_short",
                "pairs": 3,
                "meaning": "its caption has fewer characters than the recipe wants",
            }
        ],
    }
    assert dataset["languages"][1] == {"language": None, "split": "nolang", "pairs": 2, "kept": 1}
    assert dataset["domains"] == [{"domain": "images.example", "pairs": 5}]
    assert dataset["similarities"][0]["kept"] == 3
    assert {"name": "language", "kind": "text"} in dataset["columns"]
    unsafe = {
        "name": "punsafe",
        "kind": "number",
        "label": "unsafe",
        "lowest": 0.0,
        "highest": 1.0,
        "keys": ["image_id"],
        "comparison": "<=",
        "hidden_above": 0.5,
        "pairs": 0,
    }
    assert unsafe in dataset["columns"]
    aesthetic = {each["name"]: each for each in dataset["columns"]}["aesthetic_score"]
    assert (aesthetic["comparison"], aesthetic["highest"]) == (">=", 10.0)
    assert aesthetic["hidden_above"] is None
    assert (dataset["has_aesthetic"], dataset["rows"]) == (True, 5)


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_results_go_home_as_a_list(client: TestClient, format: str) -> None:
    answer = client.get(f"/api/export?q=star&where=split = en&format={format}&rows=2")
    assert answer.status_code == 200
    assert f'filename="pairlake-2.{format}"' in answer.headers["content-disposition"]
    if format == "csv":
        rows = list(csv.DictReader(io.StringIO(answer.text)))
    elif format == "jsonl":
        rows = [json.loads(line) for line in answer.text.splitlines()]
    else:
        rows = pyarrow.parquet.read_table(io.BytesIO(answer.content)).to_pylist()
    assert len(rows) == 2
    assert (rows[0]["TEXT"], rows[0]["URL"]) == (HOSTILE.caption, HOSTILE.image_url)


def test_requests_are_counted_by_route(client: TestClient) -> None:
    client.get("/api/search?q=cat")
    client.get("/api/search?q=")
    client.get("/some/where/else")
    text = client.get("/metrics").text
    assert 'pairlake_request_seconds_count{route="/api/search",status="200"} 1.0' in text
    assert 'pairlake_request_seconds_count{route="/api/search",status="400"} 1.0' in text
    assert "/some/where" not in text


def test_the_schema_names_every_parameter(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    parameters = {each["name"] for each in schema["paths"]["/api/search"]["get"]["parameters"]}
    assert {"q", "not", "like", "unlike", "by", "hybrid", "where", "fold", "limit"} <= parameters
    assert "/knn-service" in schema["paths"]


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


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/page.js", 200),
        ("/api/search?q=cat", 200),
        ("/api/search", 400),
        (f"/thumbnails/{CAT.image_id}.jpg", 200),
        ("/indices-list", 200),
        ("/metrics", 200),
        ("/favicon.ico", 204),
        ("/nothing", 404),
        ("/knn-service", 405),
    ],
)
def test_head_tells_what_get_would(client: TestClient, path: str, status: int) -> None:
    head = client.head(path)
    assert (head.status_code, head.content) == (status, b"")
    if status == 200 and path != "/metrics":
        assert head.headers["content-length"] == str(len(client.get(path).content))
    assert client.head(path, headers={"origin": OTHER}).status_code == 403


def test_another_name_for_this_machine_is_refused(client: TestClient) -> None:
    answer = client.get("/api/stats", headers={"host": "rebound.example"})
    assert answer.status_code == 400


OWN, OTHER, NAMED = "http://127.0.0.1", "http://127.0.0.1:3000", "http://localhost:3001"
LED_HERE = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
ASKED = [
    ("GET", "/api/search?q=cat", None),
    ("POST", "/api/search", {"parts": [{"text": "cat"}]}),
    ("GET", "/api/export?q=cat&rows=1", None),
    ("GET", f"/thumbnails/{CAT.image_id}.jpg", None),
    ("POST", "/knn-service", {"text": "cat"}),
    ("POST", "/metadata", {"ids": [1]}),
    ("GET", "/metrics", None),
    ("GET", "/", None),
    ("GET", "/page.js", None),
]


@pytest.mark.parametrize(
    ("headers", "is_own"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none", **LED_HERE}, True),
        ({"origin": OWN, "sec-fetch-site": "same-origin"}, True),
        ({"origin": OWN}, True),
        ({"origin": OWN, "sec-fetch-site": "cross-site"}, False),
        ({"origin": OTHER}, False),
        ({"origin": "http://127.0.0.1.evil.example"}, False),
        ({"origin": "https://127.0.0.1"}, False),
        ({"origin": "null"}, False),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, False),
        ({"sec-fetch-site": "cross-site", **LED_HERE, "sec-fetch-dest": "iframe"}, False),
        ({"sec-fetch-site": "cross-site", **LED_HERE, "origin": OTHER}, False),
        ({"origin": NAMED, "sec-fetch-site": "same-site"}, True),
        ({"origin": NAMED}, True),
        ({"sec-fetch-site": "same-site", "referer": NAMED}, False),
    ],
)
def test_pages_of_other_sites_ask_in_vain(
    fronts: TestClient, headers: dict[str, str], is_own: bool
) -> None:
    allowed = NAMED if headers.get("origin") == NAMED else None
    for method, path, body in ASKED:
        answer = fronts.request(method, path, json=body, headers=headers)
        assert answer.status_code == (200 if is_own else 403), path
        assert is_own or "A page of another site asks" in answer.json()["error"]
        assert answer.headers.get("access-control-allow-origin") == allowed


def test_a_link_elsewhere_leads_to_the_page_and_to_nothing_else(client: TestClient) -> None:
    led = {"sec-fetch-site": "cross-site", **LED_HERE}
    assert client.get("/?q=cat", headers=led).status_code == 200
    assert client.get("/page.css", headers=led).status_code == 200
    for path in ("/api/search?q=cat", "/api/export?q=cat", "/metrics", "/openapi.json", "/nothing"):
        assert client.get(path, headers=led).status_code == 403
    assert client.post("/", headers=led).status_code == 403


def test_a_browser_asks_first_for_a_site_that_is_named(fronts: TestClient) -> None:
    asks = {"access-control-request-method": "POST"}
    asks["access-control-request-headers"] = "content-type"
    for origin, status in ((NAMED, 200), ("https://front.example", 200), (OTHER, 403)):
        answer = fronts.options("/api/search", headers={"origin": origin, **asks})
        assert answer.status_code == status
        allowed = origin if status == 200 else None
        assert answer.headers.get("access-control-allow-origin") == allowed


@pytest.mark.parametrize(
    "type_",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8", ""],
)
def test_what_calls_itself_otherwise_is_json_for_the_old_endpoints_only(
    client: TestClient, type_: str
) -> None:
    headers = {"content-type": type_}
    old = client.post("/knn-service", content=b'{"text": "cat", "num_images": 1}', headers=headers)
    assert [row["caption"] for row in old.json()] == [CAT.caption]
    assert client.post("/metadata", content=b'{"ids": []}', headers=headers).json() == []
    body = b'{"parts": [{"text": "cat"}], "limit": 1}'
    answer = client.post("/api/search", content=body, headers=headers)
    if "json" in type_:
        assert _captions(answer) == [CAT.caption]
    else:
        assert answer.status_code == 415
        assert "application/json" in answer.json()["error"]
    for kind in ("application/vnd.api+json", "multipart/form-data; boundary=x"):
        other = client.post("/api/search", content=body, headers={"content-type": kind})
        assert other.status_code == 415


def test_what_is_no_text_is_refused_in_words(client: TestClient) -> None:
    body = b'{"parts": [{"text": "\\ud800"}]}'
    answer = client.post("/api/search", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400


def test_hostile_captions_stay_json(client: TestClient) -> None:
    answer = client.get("/api/search", params={"q": "star", "limit": 1})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["results"][0]["caption"] == HOSTILE.caption


def test_before_the_first_publication_the_next_step_is_named(tmp_path: Path) -> None:
    search = Search(tmp_path / "search", ENCODERS)
    client = TestClient(create_app(search), base_url="http://127.0.0.1")
    assert client.get("/").status_code == 200
    stats = client.get("/api/stats").json()
    assert (stats["rows"], stats["published_at"]) == (0, None)
    assert "pairlake publish" in stats["message"]
    for path in ("/api/search?q=apple", f"/thumbnails/{CAT.image_id}.jpg"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "pairlake publish" in answer.json()["error"]


def test_the_server_says_that_it_is_open_once_its_models_are_there(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_, **__: None)
    told: list[str] = []

    def load(name: str) -> Any:
        told.append(name)
        if name == "pretty":
            raise BadRequest("pretty is not there.")

    encoders = Encoders(captions=load, pictures=load, aesthetic=load)
    serve(Search(published, encoders), port=0, progress=told.append)
    assert told[:3] == ["tiny", "tiny", "pretty"]
    # What cannot be loaded is said, and the rest is there.
    assert told[3] == "pretty is not there."
    assert told[4].startswith("Search page at http://127.0.0.1:")
    serve(Search(tmp_path, encoders), port=0, progress=told.append)
    assert told[6:8] == ["Nothing is published yet; run: pairlake publish", told[7]]
    assert told[7].startswith("Search page at")


def test_a_port_in_use_is_one_sentence(search: Search) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"Port {port} on 127\.0\.0\.1 .*PAIRLAKE_PORT"):
            serve(search, port=port, progress=print)


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_serving_ends_cleanly_when_interrupted(published: Path, asked: signal.Signals) -> None:
    program = (
        "import sys; from pathlib import Path; from pairlake.serve.web.app import serve; "
        "from pairlake.serve.search.search import Search; "
        "from tests.serve.conftest import ENCODERS; "
        "search = Search(Path(sys.argv[1]), ENCODERS); "
        "serve(search, port=0, progress=lambda line: print(line, flush=True))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(published)], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        # What could not be loaded yet is said first.
        told = next(line for line in server.stdout if line.startswith("Search page at "))
        address = told.split()[3]
        with urllib.request.urlopen(f"{address}api/search?q=cat&limit=1") as answer:  # noqa: S310  # our own
            results = json.load(answer)["results"]
        server.send_signal(asked)
        assert server.wait() == 0
        assert server.stdout.read() == "The search page is closed.\n"
    assert address.startswith("http://127.0.0.1:")
    assert [result["caption"] for result in results] == [CAT.caption]
