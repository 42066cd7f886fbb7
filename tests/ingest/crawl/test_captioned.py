"""Pictures that come with their captions land with their bytes: tars and folders of them."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pairlake.ingest.crawl.captioned.folders import brings_pictures
from pairlake.ingest.crawl.captioned.members import Damage, Member, tar_members
from pairlake.ingest.crawl.job import CrawlSummary, crawl
from pairlake.ingest.crawl.sources import named_files
from pairlake.ingest.crawl.workers import _read
from pairlake.lake.keys import image_id, text_id
from pairlake.lake.takedowns import record_takedowns
from tests.ingest.conftest import MAX_BYTES
from tests.ingest.drawn import JPEG, encoded, noise
from tests.ingest.fetching import md5_of, rows

PNG = encoded(noise(40, 30, 1), "PNG")
WEBP = encoded(noise(50, 30, 2), "WEBP")
WRITTEN = datetime(2024, 5, 6, 7, 8, 9)
AT = int(WRITTEN.timestamp()) if os.environ.get("TZ") == "UTC" else 1_714_979_289

Files = Mapping[str, bytes]


def urn(body: bytes) -> str:
    return f"urn:sha256:{sha256(body).hexdigest()}"


def told(**facts: Any) -> bytes:
    return json.dumps(facts).encode()


def tar(path: Path, files: Files, *more: tarfile.TarInfo, packed: bool = False) -> Path:
    with tarfile.open(path, "w:gz" if packed else "w") as written:
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(body), AT
            written.addfile(member, io.BytesIO(body))
        for member in more:
            written.addfile(member)
    return path


def folder(path: Path, files: Files) -> Path:
    for name, body in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(body)
        os.utime(path / name, (AT, AT))
    return path


def crawled(path: Path, **how: Any) -> CrawlSummary:
    return crawl(named_files([str(path)]), **how)


def pairs() -> list[tuple[Any, ...]]:
    return rows("select image_url, caption from lake.raw.image_text_pairs order by all")


def others() -> dict[str, int]:
    found = rows("select unnest(other_records, recursive := true) from lake.raw.crawl_files")
    return dict(found)


def outcome() -> tuple[Any, ...]:
    ((*found,),) = rows(
        "select outcome, records, unreadable_records, pairs, downloads, error "
        "from lake.raw.crawl_files order by landed_at desc limit 1"
    )
    return tuple(found)


# As img2dataset writes them; the last without a URL, the third without a caption.
FACTS = {"status": "success", "width": 96, "original_width": 300, "similarity": 0.31}
SHARD: Files = {
    "000000000.jpg": JPEG,
    "000000000.json": told(url="https://a.example/1.jpg", caption="a red apple", **FACTS),
    "000000000.txt": b"a red apple",
    "000000001.png": PNG,
    "000000001.json": told(url="https://a.example/2.png", caption="a b\u00fccher", **FACTS),
    "000000001.txt": "a b\u00fccher".encode(),
    "000000002.webp": WEBP,
    "000000002.json": told(url="https://a.example/3.webp", caption=None, **FACTS),
    "000000003.webp": WEBP,
    "000000003.txt": b"no URL\n",
}
SHARD_PAIRS = [
    ("https://a.example/1.jpg", "a red apple"),
    ("https://a.example/2.png", "a b\u00fccher"),
    (urn(WEBP), "no URL"),
]


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Crawl files are read in this process, but by one of the tests: to start others takes long."""
    if "[tar.gz]" not in request.node.name:
        monkeypatch.setattr(
            "pairlake.ingest.crawl.job.readings", lambda tasks: (_read(t) for t in tasks)
        )


@pytest.mark.parametrize("form", ["tar.gz", "folder", "captions last"])
def test_pictures_land_with_bytes_hashes_and_sizes(tmp_path: Path, form: str) -> None:
    if form == "folder":
        made = folder(tmp_path / "out" / "00000", SHARD)
    elif form == "captions last":
        # As `tar` itself has them that is given *.jpg *.txt.
        files = dict(sorted(SHARD.items(), key=lambda file: file[0][-3:] in ("txt", "son")))
        made = tar(tmp_path / "00000.tar", files)
    else:
        made = tar(tmp_path / f"00000.{form}", SHARD, packed=form == "tar.gz")

    summary = crawled(made)

    assert (summary.outcomes, summary.pairs, summary.downloads) == ({"ok": 1}, 3, 3)
    assert pairs() == SHARD_PAIRS
    assert outcome() == ("ok", 3, 0, 3, 3, None)
    assert others() == {"no caption": 1}
    found = rows(
        "select url_id, attempted_at, outcome, bytes, image_id, md5, sha256 "
        "from lake.raw.downloads order by bytes"
    )
    bodies = zip(SHARD_PAIRS, (JPEG, PNG, WEBP), strict=True)
    assert found == sorted(
        (
            (text_id(url), WRITTEN, "ok", len(body), image_id(sha256(body).digest()),
             md5_of(body), sha256(body).digest())
            for (url, _), body in bodies
        ),
        key=lambda row: row[3],
    )  # fmt: skip
    assert rows(
        "select format, i.width, i.height, p.width from lake.raw.images i "
        "join lake.raw.image_pixels p using (image_id) order by format"
    ) == [("jpeg", 96, 64, 96), ("png", 40, 30, 40), ("webp", 50, 30, 50)]
    assert rows(
        "select distinct source_id, sightings[1].width_hint, crawl_id from "
        "lake.raw.image_text_pairs order by source_id"
    ) == [
        ("000000000", 300, tmp_path.name if form != "folder" else "out"),
        ("000000001", 300, tmp_path.name if form != "folder" else "out"),
        ("000000003", None, tmp_path.name if form != "folder" else "out"),
    ]
    scores = rows("select distinct name, value from lake.raw.list_scores order by name")
    assert ("similarity", 0.31) in scores

    # Read again, nothing doubles.
    assert crawled(made).skipped == 1
    assert crawled(made, with_bytes=True).skipped == 1


def test_bad_members_cost_themselves(tmp_path: Path) -> None:
    """All that a stranger may put into a tar lands nothing, is counted, and ends nothing."""
    link = tarfile.TarInfo("link.txt")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    device = tarfile.TarInfo("device.jpg")
    device.type = tarfile.CHRTYPE
    pipe = tarfile.TarInfo("pipe.jpg")
    pipe.type = tarfile.FIFOTYPE
    inside = tarfile.TarInfo("a")
    inside.type = tarfile.DIRTYPE
    files = {
        "../up.jpg": JPEG,
        "../up.txt": b"a climber",
        "/abs.jpg": JPEG,
        "a/._b.jpg": JPEG,
        "a/b.jpg": JPEG,
        "a/b.txt": b"a caption",
        "a/b.json": b"[" * 100_000,
        "bare.jpg": JPEG,
        "empty.jpg": JPEG,
        "empty.txt": b" \n",
        "latin.jpg": JPEG,
        "latin.txt": b"caf\xe9",
        "lonely.txt": b"no picture",
        "large.jpg": JPEG + bytes(MAX_BYTES),
        "large.txt": b"a large picture",
        "login.jpg": JPEG,
        "login.json": told(url="https://me:secret@a.example/1.jpg", caption="a login"),
        "script.py": b"import os",
        "broken.png": PNG[:200],
        "broken.txt": b"a broken picture",
        "pointer.jpg": b"version https://git-lfs.github.com/spec/v1\n",
        "pointer.txt": b"a pointer",
        "claims.jpg": JPEG,
        "claims.json": told(url=urn(PNG), caption="another picture"),
        "site.jpg": PNG[:300],
        "site.json": told(url="https://a.example/site.jpg", caption="fetched again"),
    }
    made = tar(tmp_path / "bad.tar", files, link, device, pipe, inside)

    assert crawled(made).outcomes == {"ok": 1}

    assert pairs() == sorted(
        [
            (urn(JPEG), "a caption"),
            # A name that claims to be another picture's is not believed.
            (urn(JPEG), "another picture"),
            (urn(PNG[:200]), "a broken picture"),
            (urn(files["pointer.jpg"]), "a pointer"),
            ("https://a.example/site.jpg", "fetched again"),
        ]
    )
    assert others() == {
        "unsafe name": 3,
        "hidden": 1,
        "unreadable text": 2,
        "no caption": 2,
        "no picture": 2,
        "no pair": 2,  # blanks, and the login
        "other file": 1,
        "link": 1,
        "no file": 2,
    }
    ((logins, unreadable),) = rows(
        "select with_login, unreadable_records from lake.raw.crawl_files"
    )
    assert (logins, unreadable) == (1, 1)
    # What has a URL is left to `fetch`, all else is said.
    assert rows("select outcome, count(*) from lake.raw.downloads group by 1 order by 1") == [
        ("corrupt_image", 1),
        ("not_an_image", 1),
        ("ok", 1),
    ]


def test_captions_come_from_beside_or_from_hugging_faces_metadata(tmp_path: Path) -> None:
    lines = [
        {"file_name": "train/1.jpg", "text": "one", "url": "https://a.example/1.jpg"},
        {"file_name": "train/1.jpg", "text": "one more"},
        {"file_name": "train/sub/2.png", "text": ["two", "zwei"]},
        {"file_name": "../../secret.jpg", "text": "outside"},
        {"file_name": "train/none.jpg", "text": "no picture"},
        {"text": "no name"},
    ]
    made = folder(
        tmp_path / "sets",
        {
            "hf/metadata.jsonl": b"\n".join(told(**line) for line in lines) + b"\n{",
            "hf/train/1.jpg": JPEG,
            "hf/train/sub/2.png": PNG,
            "csv/metadata.csv": b'\xef\xbb\xbffile_name,caption\r\n3.webp,"three, in\nlines"\r\n',
            "csv/3.webp": WEBP,
            "plain/saved.jfif": JPEG,
            "plain/saved.txt": b"five",
            "plain/Photo.v2.JPG": JPEG,
            "plain/Photo.v2.txt": b"\xef\xbb\xbffour\r\n",
            "plain/readme.csv": b"url,caption\nhttps://a.example/list.jpg,of a list\n",
            "secret.jpg": JPEG,
        },
    )
    (made / "plain" / "link.txt").symlink_to("/etc/hostname")
    os.mkfifo(made / "plain" / "pipe.jpg")

    assert [name.removeprefix(f"{made}/") for name in named_files([str(made)])] == [
        *("", "csv/", "hf/", "plain/", "plain/readme.csv")
    ]
    summary = crawled(made)

    assert summary.outcomes == {"ok": 4, "unreadable": 1}  # what has no caption at all
    assert pairs() == sorted(
        [
            ("https://a.example/1.jpg", "one"),
            (urn(JPEG), "one more"),
            (urn(PNG), "two"),
            (urn(PNG), "zwei"),
            (urn(WEBP), "three, in\nlines"),
            (urn(JPEG), "four"),
            (urn(JPEG), "five"),
            ("https://a.example/list.jpg", "of a list"),
        ]
    )
    found = rows(
        "select crawl_id, unnest(other_records, recursive := true) from lake.raw.crawl_files"
    )
    assert set(found) == {
        ("hf", "no picture", 2),
        ("hf", "unreadable text", 2),
        ("plain", "link", 1),
        ("plain", "no file", 1),
    }
    ((error,),) = rows("select error from lake.raw.crawl_files where outcome = 'unreadable'")
    assert error.startswith("None of its 1 pictures has a caption: give each a .txt")


def test_what_img2dataset_counts_beside_is_no_crawl_file(tmp_path: Path) -> None:
    names = [f"{shard}{end}" for shard in "01" for end in (".parquet", "_stats.json")]
    files = {**dict.fromkeys(names, b"{}"), "0.tar": b"x", "1/a.jpg": JPEG, "1/a.txt": b"a"}
    made = folder(tmp_path / "out", {**files, "alone.parquet": b"PAR1"})
    assert [name.removeprefix(f"{made}/") for name in named_files([str(made)])] == [
        *("0.tar", "1/", "alone.parquet")
    ]


def test_damage_costs_what_is_damaged(tmp_path: Path) -> None:
    made = tar(tmp_path / "x.tar", SHARD)
    whole = made.read_bytes()
    at = whole.index(b"000000001.png")
    long_name = bytearray(whole[:512])
    long_name[124:136], long_name[156:157] = b"77777777777\0", b"L"
    long_name[148:156] = b" " * 8
    long_name[148:156] = b"%06o\0 " % sum(long_name)
    # What becomes of the file, and how many of its members are read nevertheless.
    cases = {
        "a header in the midst": (whole[:at] + b"\xff" * 99 + whole[at + 99 :], "damaged", 9),
        "the end within a picture": (whole[: whole.index(b"3.webp") + 700], "truncated", 8),
        "the end within a header": (whole[: at + 100], "truncated", 3),
        "the end within a block": (whole.rstrip(b"\0"), "truncated", 10),
        "no end": (whole[: whole.index(b"no URL") + 512], "ok", 10),
        "more behind it": (whole + b"what is no tar" * 100, "truncated", 10),
        "two tars": (whole + whole, "ok", 20),
        "a name of gigabytes": (bytes(long_name) + whole, "damaged", 10),
        "gzip cut off": (gzip.compress(whole, mtime=0)[:-900], "truncated", None),
    }
    for name, (content, expected, members) in cases.items():
        made.write_bytes(content)
        found = list(tar_members(made, lambda number, name: MAX_BYTES))
        damage = [each for each in found if isinstance(each, Damage)]
        outcomes = {"truncated" if each.is_end else "damaged" for each in damage} or {"ok"}
        assert outcomes == {expected}, (name, damage)
        if members is not None:
            assert sum(isinstance(each, Member) for each in found) == members, name

    # Of a damaged one what can be read lands once, and all of it when it is whole.
    made.write_bytes(cases["a header in the midst"][0])
    for downloads in (2, 0):
        assert crawled(made).downloads == downloads
        assert outcome()[0] == "damaged"
    made.write_bytes(whole)
    assert (crawled(made).downloads, outcome()[0]) == (3, "ok")


@pytest.mark.parametrize(
    "content",
    [bytes(10_240), gzip.compress(bytes(10_240)), JPEG[:100]],
    ids=["zeros", "gzip", "jpeg"],
)
def test_what_is_no_tar_is_unreadable(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "none.tar").write_bytes(content)
    assert crawled(tmp_path / "none.tar").outcomes == {"unreadable": 1}


def test_what_was_taken_down_is_not_kept(tmp_path: Path) -> None:
    record_takedowns({"url": [urn(WEBP)], "domain": ["a.example"], "image_hash": [md5_of(PNG).hex]})
    files = {**SHARD, "4.png": PNG, "4.txt": b"a known picture"}
    crawled(tar(tmp_path / "x.tar", files))
    assert rows("select outcome, count(*) from lake.raw.downloads group by 1") == [("blocked", 4)]
    assert rows("select count(*) from lake.raw.image_pixels") == [(0,)]


@pytest.mark.parametrize("name", ["cats #1.tar", "what? [1].tar.gz", "two\nlines.TAR"])
def test_a_tar_is_known_by_its_whole_name(tmp_path: Path, name: str) -> None:
    made = tar(tmp_path / name, SHARD, packed=name.endswith("gz"))
    assert crawled(made).downloads == 3
    assert brings_pictures("https://a.example/0.tar?sig=1#2")
    assert not brings_pictures("https://a.example/list.csv?of=0.tar")


def test_empty_lines_of_metadata_are_no_lines(tmp_path: Path) -> None:
    line = told(file_name="a.jpg", text="a")
    made = folder(tmp_path / "x", {"a.jpg": JPEG, "metadata.jsonl": line + b"\n\n"})
    crawled(made)
    assert (pairs(), others()) == ([(urn(JPEG), "a")], {})


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    made = folder(tmp_path / "x", {"a.jpg": JPEG, "a.txt": b"a"})
    (made / "again").symlink_to(".")
    assert named_files([str(made)]) == [f"{made}/"]


def test_a_tar_under_another_name_is_told_how_to_land(tmp_path: Path) -> None:
    made = tar(tmp_path / "shard", SHARD)
    assert crawled(made).outcomes == {"unreadable": 1}
    assert outcome()[-1] == "It is a tar, and its name does not say so; end it in .tar."
    assert crawled(made, with_bytes=True).downloads == 3
    (tmp_path / "1.jpg").write_bytes(JPEG)
    crawled(tmp_path / "1.jpg")
    assert "it is a picture; give the folder that it is in" in outcome()[-1]


MEMBERS = st.lists(
    st.tuples(
        st.sampled_from(["a.jpg", "a.txt", "a.json", "../b.jpg", "metadata.csv", "x" * 300]),
        st.binary(max_size=600),
    ),
    max_size=4,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MEMBERS, st.lists(st.tuples(st.integers(0, 6_000), st.binary(max_size=40)), max_size=3))
def test_no_tar_raises(
    tmp_path: Path, members: list[tuple[str, bytes]], blots: list[tuple[int, bytes]]
) -> None:
    """Whatever stands in it: what is whole is read, and what is not is damage."""
    made = tmp_path / "any.tar"
    with tarfile.open(made, "w") as written:
        for name, body in members:
            member = tarfile.TarInfo(name)
            member.size = len(body)
            written.addfile(member, io.BytesIO(body))
    content = bytearray(made.read_bytes())
    for at, blot in blots:
        content[at : at + len(blot)] = blot
    made.write_bytes(content)
    found = list(tar_members(made, lambda number, name: 500))
    if not blots:
        read = [(member.name, member.body) for member in found if isinstance(member, Member)]
        assert read == [
            (name, body if len(body) <= 500 else None)
            for name, body in members
            if not name.startswith("..")
        ]
        assert not [each for each in found if isinstance(each, Damage)]
