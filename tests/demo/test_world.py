"""The demo's world against itself: its crawl files hold what its truth says, its images are so."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from fastwarc import ArchiveIterator, WarcRecordType
from PIL import Image

from pairlake.demo.captions import TEMPLATES
from pairlake.demo.faults import FAULTS
from pairlake.demo.pictures import pictures
from pairlake.demo.planting import landed_caption
from pairlake.demo.scenes import SMALLEST_PASSING_BYTES
from pairlake.demo.wishes import C2PA, CARRIERS, PAGES, SITE
from pairlake.demo.world import SMALLEST, World, build_world, world_from_folder

PIXEL_CAP = 89_478_485


def wat_paths(world: World) -> list[str]:
    listing = (world.folder / "crawl-data/DEMO-2026-47/wat.paths.gz").read_bytes()
    return gzip.decompress(listing).decode().split()


def bodies(path: Path) -> list[bytes]:
    """The bodies of the metadata records of a crawl file."""
    with path.open("rb") as file:
        records = ArchiveIterator(file, record_types=WarcRecordType.metadata)
        return [record.reader.read() for record in records]


def readable(path: Path) -> list[dict[str, Any]]:
    found = []
    for body in bodies(path):
        try:
            found.append(json.loads(body)["Envelope"])
        except ValueError:
            continue
    return found


def html(envelope: dict[str, Any]) -> dict[str, Any]:
    response = envelope["Payload-Metadata"].get("HTTP-Response-Metadata", {})
    found: dict[str, Any] = response.get("HTML-Metadata", {})
    return found


def shown_links(world: World) -> Iterator[tuple[str, str]]:
    """URL and alt text of each usable image link, by rules written here once more."""
    for path in wat_paths(world):
        for envelope in readable(world.folder / path):
            page = envelope["WARC-Header-Metadata"]["WARC-Target-URI"]
            base = urljoin(page, html(envelope).get("Head", {}).get("Base", page))
            for link in html(envelope).get("Links", ()):
                url = urljoin(base, link.get("url", ""))
                usable = urlsplit(url).scheme in ("http", "https") and len(url) <= 2_000
                if link["path"] == "IMG@/src" and link.get("alt", "").strip() and usable:
                    yield url, link["alt"]


def shown_pairs(world: World) -> Counter[tuple[str, str]]:
    """How often each usable pair stands in the crawl files."""
    return Counter((url, landed_caption(alt)) for url, alt in shown_links(world))


def rows(world: World, **wanted: object) -> list[dict[str, Any]]:
    return [
        row
        for row in world.truth().to_pylist()
        if all(row[name] == value for name, value in wanted.items())
    ]


def served_file(world: World, image_url: str) -> Path:
    return world.folder / unquote(urlsplit(image_url).path).lstrip("/")


def test_truth_is_what_the_crawl_files_show(world: World) -> None:
    truth = {(row["image_url"], row["caption"]): row["sightings"] for row in rows(world)}
    assert shown_pairs(world) == truth
    assert world.totals["sightings"] == sum(truth.values())
    assert world.totals["pairs"] == len(truth)


def test_totals_are_those_of_the_files(world: World) -> None:
    assert [file.path for file in world.files] == wat_paths(world)
    for file in world.files:
        path = world.folder / file.path
        envelopes = readable(path)
        links = [link for envelope in envelopes for link in html(envelope).get("Links", ())]
        assert file.bytes == path.stat().st_size
        assert file.records == len(bodies(path))
        assert file.unreadable_records == len(bodies(path)) - len(envelopes) == 2
        assert file.links == len(links)
        assert file.images == sum(link["path"] == "IMG@/src" for link in links)
    assert world.totals["sightings"] < world.totals["images"] < world.totals["links"]


def test_crawl_files_are_framed_as_common_crawl_frames_them(world: World) -> None:
    for path in wat_paths(world):
        raw = (world.folder / path).read_bytes()
        records = []
        for record in ArchiveIterator(io.BytesIO(raw)):
            records.append((record.stream_pos, record.record_type, record.content_length))
            assert record.verify_block_digest()
        assert records[0][1] == WarcRecordType.warcinfo
        assert all(kind == WarcRecordType.metadata for _, kind, _ in records[1:])
        ends = [start for start, _, _ in records[1:]] + [len(raw)]
        for (start, _, length), end in zip(records, ends, strict=True):
            head, _, body = gzip.decompress(raw[start:end]).partition(b"\r\n\r\n")
            assert head.startswith(b"WARC/1.0\r\n")
            assert len(body) == length + len(b"\r\n\r\n")


def test_links_are_written_in_every_way_of_the_web(world: World) -> None:
    written: Counter[str] = Counter()
    for path in wat_paths(world):
        for envelope in readable(world.folder / path):
            written["base"] += "Base" in html(envelope).get("Head", {})
            for link in html(envelope).get("Links", ()):
                url = link.get("url", "")
                written["licence"] += url.startswith("http") and "creativecommons.org" in url
                if link["path"] == "IMG@/src":
                    written["no alt"] += "alt" not in link
                    for start in ("http:", "//", "/", "../", "data:", "javascript:"):
                        written[start] += url.startswith(start)
    assert all(written.values()), written


def test_every_fault_is_planted_twice_or_more(world: World) -> None:
    kinds = Counter(row["kind"] for row in rows(world))
    planted_otherwise = {
        *("right", "bare_name", "messy_caption", "wrong_caption", "short_caption"),
        *("copy_same_bytes", "copy_resized", "copy_recompressed", "watermarked"),
    }
    planted_otherwise |= {"data_mining", "signed", *PAGES}
    planted_otherwise |= {path.replace("-", "_") for path in SITE}
    assert set(kinds) == {fault.kind for fault in FAULTS} | planted_otherwise
    assert min(kinds.values()) >= 2, kinds
    expected = {(fault.kind, fault.drop_reason) for fault in FAULTS}
    for row in rows(world):
        if row["kind"] not in planted_otherwise:
            assert (row["kind"], row["expected_drop_reason"]) in expected


def test_pictures_say_all_that_owners_can_say_of_data_mining_in_all_carriers(world: World) -> None:
    said = Counter(row["expected_drop_reason"] for row in rows(world, kind="data_mining"))
    refused = "opted_out_data_mining_train"
    assert said == {refused: 6 * len(CARRIERS), None: 3 * 3, "image_format": 3}
    for row in rows(world, kind="data_mining"):
        name = row["image_url"].rpartition("/")[2].rpartition(".")[0].upper()
        value = name[name.index("DMI-") :]
        payload = served_file(world, row["image_url"]).read_bytes()
        assert f'plus:DataMining="http://ns.useplus.org/ldf/vocab/{value}"'.encode() in payload
    signed = {row["image_url"].rpartition("/")[2] for row in rows(world, kind="signed")}
    assert signed == set(C2PA)


def test_pairs_stand_in_all_languages_and_splits(world: World) -> None:
    assert {row["language"] for row in rows(world)} == {*TEMPLATES, "none"}
    assert {row["split"] for row in rows(world)} == {"en", "multi", "nolang"}


def test_right_captions_name_their_picture_and_wrong_ones_do_not(world: World) -> None:
    names = {picture.hexcode: picture.names for picture in pictures()}
    checked: Counter[bool] = Counter()
    for row in rows(world):
        if row["language"] == "none" or row["kind"] == "messy_caption":
            continue
        own = names[row["picture"]][row["language"]]
        right = {landed_caption(text.format(name=own)) for text in TEMPLATES[row["language"]]}
        assert (row["caption"] in right) == (row["kind"] != "wrong_caption"), row
        checked[row["kind"] != "wrong_caption"] += 1
    assert min(checked[True], checked[False]) > 5


def test_captions_that_need_cleaning_stand_uncleaned_in_the_crawl(world: World) -> None:
    shown = set(shown_links(world))
    messy = {(row["image_url"], row["caption"]) for row in rows(world, kind="messy_caption")}
    right = {(row["image_url"], row["caption"]) for row in rows(world, kind="bare_name")}
    assert messy
    assert not messy & shown
    assert right <= shown


def test_images_to_keep_are_good_and_large_enough(world: World) -> None:
    kept = [row for row in rows(world) if row["image_sha256"] is not None]
    assert {row["image_url"].rpartition(".")[2] for row in kept} >= {"jpg", "png", "webp"}
    for row in kept:
        if "/images/" not in row["image_url"]:
            continue
        payload = served_file(world, row["image_url"]).read_bytes()
        assert hashlib.sha256(payload).hexdigest() == row["image_sha256"]
        assert len(payload) >= SMALLEST_PASSING_BYTES
        with Image.open(served_file(world, row["image_url"])) as image:
            image.load()
            assert image.format in ("JPEG", "PNG", "WEBP", "GIF")


def test_copies_share_bytes_only_where_they_say_so(world: World) -> None:
    originals = {row["picture"]: row["image_sha256"] for row in rows(world, kind="right")}
    for kind in ("copy_same_bytes", "copy_resized", "copy_recompressed", "watermarked"):
        for row in rows(world, kind=kind):
            same = row["image_sha256"] == originals[row["picture"]]
            assert same == (kind == "copy_same_bytes")


def test_broken_images_are_broken_as_they_say(world: World) -> None:
    for kind in ("truncated", "half_zeroed"):
        for row in rows(world, kind=kind):
            payload = served_file(world, row["image_url"]).read_bytes()
            with pytest.raises((OSError, SyntaxError)):
                Image.open(io.BytesIO(payload)).load()
    for row in rows(world, kind="unsupported_format"):
        with Image.open(served_file(world, row["image_url"])) as image:
            assert image.format == "TIFF"
    for row in rows(world, kind="tiny"):
        assert served_file(world, row["image_url"]).stat().st_size < SMALLEST_PASSING_BYTES
    for row in rows(world, kind="oversized_pixels"):
        head = served_file(world, row["image_url"]).read_bytes()[:24]
        width, height = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
        assert width * height > PIXEL_CAP


def test_a_world_that_stands_is_left_alone(world: World) -> None:
    before = {path: path.stat().st_mtime_ns for path in world.folder.rglob("*")}
    assert build_world(world.folder, world.base_url, 60) == world
    assert {path: path.stat().st_mtime_ns for path in world.folder.rglob("*")} == before


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_half_built_world_and_one_for_another_address_are_built_anew(tmp_path: Path) -> None:
    build_world(tmp_path, "http://127.0.0.1:1/", SMALLEST)
    whole = contents(tmp_path)
    (tmp_path / "world.json").unlink()
    (tmp_path / "truth.parquet").write_bytes(b"")
    (tmp_path / "images" / "left-over.jpg").write_bytes(b"")
    build_world(tmp_path, "http://127.0.0.1:1/", SMALLEST)
    assert contents(tmp_path) == whole

    moved = build_world(tmp_path, "http://127.0.0.1:2/", SMALLEST)
    assert not any(row["image_url"].startswith("http://127.0.0.1:1/") for row in rows(moved))


@pytest.mark.parametrize("count", [0, SMALLEST - 1, 100_000])
def test_a_world_of_no_possible_size_is_refused(tmp_path: Path, count: int) -> None:
    with pytest.raises(ValueError, match=f"not {count}"):
        build_world(tmp_path, "http://127.0.0.1:1/", count)


def test_a_folder_of_pictures_becomes_a_web(tmp_path: Path) -> None:
    stamps = tmp_path / "stamps"
    (stamps / "animals").mkdir(parents=True)
    noise = Image.effect_noise((120, 120), 90)
    noise.save(stamps / "animals" / "big cat.png")
    Image.new("RGB", (9, 9)).save(stamps / "animals" / "ant.png")
    (stamps / "sun.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    listed = [
        [
            "animals/big cat.png",
            {
                "en": "A big cat.",
                "en_GB": "A big cat.",
                "en_AU": "A big moggie.",
                "ja": "おおきなねこ。",
                "pt_BR": "Um gato grande.",
            },
        ],
        ["animals/ant.png", {"de": "Eine Ameise."}],
        ["sun.svg", {"fr": "Le soleil.", "eo": " "}],
    ]
    (tmp_path / "captions.json").write_text(json.dumps(listed))
    arguments = (stamps, tmp_path / "captions.json", tmp_path / "world", "http://127.0.0.1:1")
    world = world_from_folder(*arguments)

    truth = {(row["image_url"], row["caption"]): row["sightings"] for row in rows(world)}
    assert truth == shown_pairs(world)
    cat = "http://127.0.0.1:1/images/animals/big%20cat.png"
    assert truth[cat, "A big cat."] == 2
    assert {row["caption"]: row["expected_drop_reason"] for row in rows(world)} == {
        "A big cat.": None,
        "A big moggie.": None,
        "Um gato grande.": None,
        "おおきなねこ。": None,
        "Eine Ameise.": "image_too_small",
        "Le soleil.": "download_unsupported_format",
    }
    english = {row["caption"] for row in rows(world, split="en")}
    assert english == {"A big cat.", "A big moggie."}
    assert rows(world, split="nolang") == []
    source = stamps / "animals" / "big cat.png"
    assert served_file(world, cat).read_bytes() == source.read_bytes()
    assert world_from_folder(*arguments) == world
