"""clip-retrieval's own client, as it is published, works against our server."""

from __future__ import annotations

import base64
import importlib.util
import json
import socket
import threading
from collections.abc import Iterator
from importlib.metadata import files
from pathlib import Path
from types import ModuleType

import pytest
import requests
import uvicorn
from starlette.testclient import TestClient

from pairlake.lake.catalog import writing
from pairlake.serve.publish.publish import publish
from pairlake.serve.search.search import Search
from pairlake.serve.web.app import create_app
from tests.serve.conftest import (
    APPLE,
    CAT,
    ENCODERS,
    HOSTILE,
    POMME,
    PUBLISHED,
    SEA,
    Mart,
    picture,
    vector,
)

# Nothing takes so long, unless it hangs.
PATIENCE_S = 3_600


@pytest.fixture(scope="module")
def address(published: Path) -> Iterator[str]:
    """The address of a server over PUBLISHED."""
    app = create_app(Search(published, ENCODERS))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def peer() -> ModuleType:
    """The module of its client alone: the package imports all of its server."""
    (path,) = [f for f in files("clip-retrieval") or [] if f.name == "clip_client.py"]
    spec = importlib.util.spec_from_file_location("clip_client", path.locate())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_its_client_finds_by_text(address: str, peer: ModuleType) -> None:
    client = peer.ClipClient(url=f"{address}/knn-service", indice_name="demo", num_images=2)
    first, second = client.query(text="a cat, please")
    assert (first["caption"], first["url"]) == (CAT.caption, CAT.image_url)
    assert first["similarity"] > second["similarity"]
    assert isinstance(first["id"], int)


def test_its_client_finds_by_picture_and_by_embedding(
    address: str, peer: ModuleType, tmp_path: Path
) -> None:
    client = peer.ClipClient(
        url=f"{address}/knn-service", indice_name="demo", num_images=1, aesthetic_weight=0.0
    )
    file = tmp_path / "sea.png"
    file.write_bytes(picture("sea"))
    (by_picture,) = client.query(image=str(file))
    (by_embedding,) = client.query(embedding_input=vector("sea").tolist())
    assert by_picture["caption"] == by_embedding["caption"] == SEA.caption


def test_its_modality_and_deduplication_hold(address: str, peer: ModuleType) -> None:
    texts = peer.ClipClient(
        url=f"{address}/knn-service",
        indice_name="demo",
        modality=peer.Modality.TEXT,
        deduplicate=False,
        aesthetic_weight=0.0,
    )
    found = texts.query(text=POMME.caption)
    assert found[0]["caption"] == POMME.caption
    assert len(found) == len(PUBLISHED)
    pictures = peer.ClipClient(
        url=f"{address}/knn-service", indice_name="demo", aesthetic_weight=0.0
    ).query(text="apple")
    assert len(pictures) == len(PUBLISHED) - 1


def test_its_client_hears_that_nothing_is_fetched(address: str, peer: ModuleType) -> None:
    client = peer.ClipClient(url=f"{address}/knn-service", indice_name="demo")
    assert "Nothing is fetched" in client.query(image="http://127.0.0.1:1/x.png")["error"]


def test_ids_lead_to_their_facts(address: str) -> None:
    (name,) = requests.get(f"{address}/indices-list", timeout=PATIENCE_S).json()
    asked = {"text": "apple", "modality": "image", "num_images": 1, "num_result_ids": 3}
    found = requests.post(
        f"{address}/knn-service", json={**asked, "indice_name": name}, timeout=PATIENCE_S
    ).json()
    # As there: what lies after num_images comes with its id alone.
    assert [set(row) == {"id", "similarity"} for row in found] == [False, True, True]
    ids = [row["id"] for row in found]
    facts = requests.post(
        f"{address}/metadata", json={"ids": [*ids, 1], "indice_name": name}, timeout=PATIENCE_S
    ).json()
    assert [row["id"] for row in facts] == ids
    assert facts[0]["metadata"]["caption"] in (APPLE.caption, POMME.caption)


def _as_given(content: bytes) -> Iterator[str]:
    """A picture in base64 as tools write it."""
    wrapped = base64.encodebytes(content).decode()
    yield from (wrapped, wrapped.replace("\n", "\r\n"), wrapped.replace("\n", "") + "\n")
    yield base64.urlsafe_b64encode(content).decode().rstrip("=")
    yield f"data:image/png;base64,{wrapped}"
    # clip-front writes a blank.
    yield f"data:image/png;base64, {wrapped}"


def test_base64_is_taken_as_tools_write_it(address: str) -> None:
    for text in _as_given(picture("sea")):
        asked = {"image": text, "modality": "image", "num_images": 1}
        answer = requests.post(f"{address}/knn-service", json=asked, timeout=PATIENCE_S)
        assert [row["caption"] for row in answer.json()] == [SEA.caption], text[:30]
        parts = {"parts": [{"image": text}], "limit": 1}
        answer = requests.post(f"{address}/api/search", json=parts, timeout=PATIENCE_S)
        assert answer.json()["results"][0]["caption"] == SEA.caption
    # As a shell puts it into the argument of `curl -d`.
    body = f'{{"image": "{base64.encodebytes(picture("sea")).decode()}", "num_images": 1}}'
    answer = requests.post(f"{address}/knn-service", data=body, timeout=PATIENCE_S)
    assert [row["caption"] for row in answer.json()] == [SEA.caption]


def test_what_its_page_sends_is_taken_whole(address: str) -> None:
    # Numbers as text, ids too, since they have 64 bits; what is not meant is null or empty.
    asked = {
        "text": "",
        "image": base64.b64encode(picture("star")).decode(),
        "image_url": None,
        "embedding_input": None,
        "modality": "image",
        "num_images": "2",
        "indice_name": "",
        "num_result_ids": "3",
        "use_mclip": "false",
        "deduplicate": "true",
        "use_safety_model": None,
        "use_violence_detector": True,
        "aesthetic_score": "9",
        "aesthetic_weight": "0.5",
    }
    found = requests.post(f"{address}/knn-service", json=asked, timeout=PATIENCE_S).json()
    assert [row.get("caption") for row in found[:1]] == [HOSTILE.caption]
    assert len(found) == 3
    ids = [str(row["id"]) for row in found]
    told = requests.post(f"{address}/metadata", json={"ids": ids}, timeout=PATIENCE_S).json()
    assert [row["id"] for row in told] == [row["id"] for row in found]
    # A caption of a result may be searched for, whole.
    asked = {**asked, "image": None, "text": "sea " * 1_000, "aesthetic_score": ""}
    found = requests.post(f"{address}/knn-service", json=asked, timeout=PATIENCE_S).json()
    assert found[0]["caption"] == SEA.caption


@pytest.mark.parametrize("scale", [1e-320, 1e-30, 1e25, 1e300])
def test_a_vector_of_any_length_counts_by_its_direction(address: str, scale: float) -> None:
    numbers = (vector("sea").astype(float) * scale).tolist()
    asked = {"embedding_input": numbers, "num_images": 2}
    found = requests.post(f"{address}/knn-service", json=asked, timeout=PATIENCE_S).json()
    assert found[0]["caption"] == SEA.caption
    assert found[0]["similarity"] > 0.99
    parts = {"parts": [{"vector": numbers}], "limit": 1}
    found = requests.post(f"{address}/api/search", json=parts, timeout=PATIENCE_S).json()
    assert found["results"][0]["caption"] == SEA.caption


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400", "0"])
def test_a_vector_without_a_direction_is_refused(address: str, number: str) -> None:
    body = f'{{"embedding_input": [{", ".join([number] * 8)}]}}'
    answer = requests.post(f"{address}/knn-service", data=body, timeout=PATIENCE_S)
    assert answer.status_code == 400
    assert "no direction" in answer.json()["error"]


def test_a_score_that_the_lake_does_not_list_is_null(mart: Mart, home: Path) -> None:
    mart.keep(CAT)
    with writing(mart.con) as con:
        con.execute("delete from lake.marts.ratings where kind in ('watermark', 'nsfw')")
    publish(progress=lambda _: None)
    client = TestClient(create_app(Search(home / "search", ENCODERS)), base_url="http://127.0.0.1")
    asked = {"text": "cat", "num_images": 1, "use_safety_model": True}
    (found,) = client.post("/knn-service", json=asked).json()
    assert (found["pwatermark"], found["punsafe"], found["aesthetic"]) == (None, None, None)
    (row,) = map(json.loads, client.get("/api/export?q=cat&format=jsonl").text.splitlines())
    assert (row["pwatermark"], row["punsafe"], row["TEXT"]) == (None, None, CAT.caption)
    answer = client.get("/api/search?q=cat&where=punsafe < 0.5")
    assert "There is no column 'punsafe'" in answer.json()["error"]


@pytest.mark.parametrize("number", [2**63, -(2**63)])
def test_an_id_of_more_than_64_bits_is_refused(address: str, number: int) -> None:
    answer = requests.post(f"{address}/metadata", json={"ids": [number]}, timeout=PATIENCE_S)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"indice_name": "laion5B"}, "There is no index 'laion5B'"),
        ({"text": None}, "Give one of"),
        ({"num_images": 0}, "num_images"),
        ({"embedding_input": [1.0], "text": None}, "has 1 numbers"),
        ({"embedding_input": ["a"] * 8}, "embedding_input.2: Input should be a valid number"),
        ({"image": "https://x.example/y.png", "text": ""}, "Nothing is fetched"),
        ({"image": "data:image/svg+xml,<svg>", "text": ""}, "not in base64"),
        ({"aesthetic_weight": "much"}, "aesthetic_weight: Input should be a valid number"),
    ],
)
def test_what_it_cannot_answer_is_said(
    address: str, change: dict[str, object], reason: str
) -> None:
    asked = {"text": "apple", "modality": "image", "num_images": 1, "indice_name": "demo", **change}
    answer = requests.post(f"{address}/knn-service", json=asked, timeout=PATIENCE_S)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]
