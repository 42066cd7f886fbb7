"""A small lake with one pair for each way to be kept or dropped, landed as the jobs land theirs."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa

from pairlake.lake.append import append
from pairlake.lake.keys import image_id, text_id
from tests.keyed import with_pair_keys

CRAWL, LATER_CRAWL, LIST = "CRAWL-1", "CRAWL-2", "list-1"
MODELS = {
    "language": ("cld3", "cld3@1"),
    "image_hash": ("phash", "phash@1"),
    "image_encoder": ("mini_clip", "mini_clip@i"),
    "caption_encoder": ("mini_clip", "mini_clip@c"),
    "similarity": ("mini_clip", "mini_clip@s"),
}

_PAGES = pa.schema(
    {
        "page_id": pa.uuid(),
        "page_url": pa.string(),
        "crawl_id": pa.string(),
        "path": pa.string(),
        "wishes": pa.list_(
            pa.struct(dict.fromkeys(("property", "value", "evidence"), pa.string()))
        ),
        "heard_at": pa.timestamp("us"),
    }
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One pair, what the jobs found, and what the recipe `demo` should say of it."""

    caption: str
    drop_reason: str | None
    url: str = ""
    split: str | None = "en"
    outcome: str | None = "ok"
    picture: str = ""
    file_size: int = 6_000
    language: str | None = "en"
    is_reliable: bool = True
    similarity: float | None = 0.9
    day: int = 1
    site_property: str = "Content-Usage"
    wish: str = "UNSPECIFIED"
    site_wish: str = "search=y"
    caption_source: str | None = None
    page: str = ""
    is_found_only: bool = False

    def page_url(self, crawl_id: str, path: str) -> str:
        """Where it is seen: a page of its own, or that of the crawl file."""
        return f"https://page.example/{self.page or f'{crawl_id}/{path}'}"

    @property
    def image_url(self) -> str:
        return self.url or f"https://host.example/{self.caption.replace(' ', '-')}.jpg"

    @property
    def image_id(self) -> uuid.UUID:
        return image_id(self.sha256)

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256((self.picture or self.caption).encode()).digest()


CASES = (
    Case(caption="an English caption", drop_reason=None),
    Case(caption="eine Beschreibung", drop_reason=None, language="de", split="multi"),
    Case(caption="a name", drop_reason=None, is_reliable=False, split="nolang"),
    Case(caption="img", drop_reason="caption_too_short", language=None, split=None, outcome=None),
    Case(
        caption="from a blocked domain",
        url="https://images.blocked.example/a.jpg",
        drop_reason="blocked_domain",
        language=None,
        split=None,
        outcome=None,
    ),
    Case(caption="not yet fetched", drop_reason="not_downloaded", outcome=None),
    Case(caption="a dead link", drop_reason="download_not_found", outcome="not_found"),
    Case(caption="with an opt-out", drop_reason="opted_out_tdmrep", outcome="opted_out_tdmrep"),
    Case(caption="a tiny icon", drop_reason="image_too_small", file_size=4_999),
    Case(caption="another thing", drop_reason="similarity_too_low", similarity=0.1),
    Case(caption="not yet compared", drop_reason="similarity_missing", similarity=None),
    Case(caption="not yet read", drop_reason="language_missing", language=None, split=None),
    Case(caption="a picture", drop_reason=None, picture="shared"),
    Case(caption="its twin", drop_reason="duplicate_image", picture="shared", similarity=0.8),
    Case(
        caption="not for training",
        drop_reason="opted_out_data_mining_train",
        wish="PROHIBITED-AIMLTRAINING",
        is_found_only=True,
    ),
    Case(caption="not to be found", drop_reason=None, site_wish="search=n"),
    Case(
        caption="reserved with its answer",
        drop_reason="opted_out_tdmrep_train",
        site_property="TDM-Reservation",
        site_wish="1",
    ),
    Case(
        caption="left out before asking",
        drop_reason="opted_out_robots_txt",
        outcome="opted_out_robots_txt",
        site_property="robots.txt",
        site_wish="Disallow",
    ),
    Case(caption="not for generators", drop_reason=None, wish="PROHIBITED-GENAIMLTRAINING"),
    Case(
        caption="the title of a picture",
        drop_reason="caption_outside_alt",
        language=None,
        split=None,
        outcome=None,
        caption_source="title",
    ),
    Case(
        caption="not for anything",
        drop_reason="opted_out_data_mining_train",
        wish="PROHIBITED",
    ),
    Case(
        caption="of a reserved page",
        drop_reason="opted_out_tdm_reservation_train",
        page="reserved",
        is_found_only=True,
    ),
    # What is found only stands for its copies, and what is kept for copies of it.
    Case(
        caption="found once",
        drop_reason="opted_out_tdm_reservation_train",
        page="reserved",
        picture="of a reserved page",
        similarity=0.8,
    ),
    Case(
        caption="its reserved twin",
        drop_reason="opted_out_tdm_reservation_train",
        page="reserved",
        picture="shared",
        similarity=0.95,
    ),
    Case(
        caption="reserved and unlike",
        drop_reason="opted_out_tdm_reservation_train",
        page="reserved",
        similarity=0.1,
    ),
    Case(caption="of a page without pictures", drop_reason=None, page="no-pictures"),
    Case(caption="of a page that is not listed", drop_reason=None, page="not-listed"),
)
# What pages of their own say.
PAGES = {
    "reserved": ("TDM-Reservation", "1"),
    "no-pictures": ("robots", "noimageindex"),
    "not-listed": ("X-Robots-Tag", "noindex"),
}


# What a ready-made list holds again: a pair that is kept, and two that are out.
LISTED = (CASES[0], CASES[4], CASES[5])


def land() -> None:
    """Land the cases in three crawl files of two crawls, and three of them in a list again.

    One file lands twice, and one is never read to its end: its second attempt brings less.
    """
    for crawl_id, path, outcome, cases in (
        (CRAWL, "one.wat", "ok", CASES),
        (CRAWL, "one.wat", "ok", CASES),
        (CRAWL, "two.wat", "ok", CASES[:3]),
        (LATER_CRAWL, "one.wat", "truncated", CASES[:3]),
        (LATER_CRAWL, "one.wat", "truncated", CASES[:1]),
    ):
        land_file(cases, crawl_id, path, outcome)
    _land_list(LISTED)
    for page, wish in PAGES.items():
        hear_of_page(page, wish)
    land_images(*CASES)
    # As when two jobs meet the same picture: rows may land more than once.
    append(
        {
            "raw.images": _images(CASES),
            "raw.image_pixels": _pixels(CASES),
            "raw.image_rights": _rights(CASES),
        }
    )
    append({"enriched.models": _models()})
    for _ in range(2):
        append(_scores(CASES))


def land_file(
    cases: tuple[Case, ...],
    crawl_id: str,
    path: str,
    outcome: str = "ok",
    image_source: str | None = None,
    license_url: str | None = None,
) -> None:
    """Land the pairs of cases as one crawl file, each seen twice on one page."""
    pairs = _pairs(cases, crawl_id, path, image_source, license_url)
    append({"raw.image_text_pairs": pairs, "raw.crawl_files": _crawl_file(pairs, outcome)})


def land_found(*cases: Case) -> None:
    """Land what the jobs find of cases: their images by today's downloads, and all scores."""
    land_images(*cases)
    append(_scores(cases))


def land_images(*cases: Case) -> None:
    """Land what asking for the images of cases has brought."""
    append(
        {
            "raw.downloads": _downloads(cases),
            "raw.images": _images(cases),
            "raw.image_pixels": _pixels(cases),
            "raw.image_rights": _rights(cases),
            "raw.wishes": _wishes(cases),
        }
    )


def download(case: Case) -> None:
    """Land a good download of a case's image."""
    append({"raw.downloads": _download_rows([case], "ok"), "raw.images": _images([case])})


def take_down(caption: str) -> None:
    """Land a request to forget a caption."""
    request = {"kind": ["caption"], "reason": ["asked"], "value_id": _ids([text_id(caption)])}
    append({"raw.takedowns": pa.table(request)})


def _ids(ids: list[uuid.UUID]) -> pa.Array:
    return pa.array([key.bytes for key in ids], pa.uuid())


def _pairs(
    cases: tuple[Case, ...],
    crawl_id: str,
    path: str,
    image_source: str | None = None,
    license_url: str | None = None,
) -> pa.Table:
    rows = [
        {
            "image_url": case.image_url,
            "caption": case.caption,
            "crawl_id": crawl_id,
            "path": path,
            "sightings": [_sighting(case, crawl_id, path, image_source, license_url)] * 2,
            "occurrences": 2,
        }
        for case in cases
    ]
    return with_pair_keys(pa.Table.from_pylist(rows))


def _sighting(
    case: Case, crawl_id: str, path: str, image_source: str | None, license_url: str | None
) -> dict[str, str | None]:
    return {
        "page_url": case.page_url(crawl_id, path),
        "license_url": license_url,
        "image_source": image_source,
        "caption_source": case.caption_source,
    }


def _crawl_file(pairs: pa.Table, outcome: str) -> pa.Table:
    row = {
        "crawl_id": pairs["crawl_id"][0].as_py(),
        "path": pairs["path"][0].as_py(),
        "outcome": outcome,
        "pairs": pairs.num_rows,
        "sightings": sum(pairs["occurrences"].to_pylist()),
    }
    return pa.Table.from_pylist([row])


def _land_list(cases: tuple[Case, ...]) -> None:
    """Land a ready-made list of the cases, with ids of its own and the same scores for each."""
    rows = [
        {
            "image_url": case.image_url,
            "caption": case.caption,
            "crawl_id": LIST,
            "path": "part.parquet",
            "occurrences": 1,
            "source_id": f"listed {case.caption}",
        }
        for case in cases
    ]
    pairs = with_pair_keys(pa.Table.from_pylist(rows))
    values = {"similarity": 0.75, "original_width": 640.0, "width": 384.0}
    scores = pa.table(
        {
            "pair_id": pa.concat_arrays(pairs["pair_id"].chunks * len(values)),
            "source": [LIST] * len(cases) * len(values),
            "name": [name for name in values for _ in cases],
            "value": [value for value in values.values() for _ in cases],
        }
    )
    append(
        {
            "raw.image_text_pairs": pairs,
            "raw.crawl_files": _crawl_file(pairs, "ok"),
            "raw.list_scores": scores,
        }
    )


def _downloads(cases: tuple[Case, ...]) -> pa.Table:
    outcomes = {case.outcome for case in cases if case.outcome}
    return pa.concat_tables(
        _download_rows([case for case in cases if case.outcome == outcome], outcome)
        for outcome in sorted(outcomes)
    )


def _download_rows(cases: list[Case], outcome: str) -> pa.Table:
    images = [case.image_id.bytes if outcome == "ok" else None for case in cases]
    return pa.table(
        {
            "url_id": _ids([text_id(case.image_url) for case in cases]),
            "attempted_at": [datetime(2026, 1, case.day) for case in cases],
            "outcome": [outcome] * len(cases),
            "image_id": pa.array(images, pa.uuid()),
        }
    )


def _images(cases: tuple[Case, ...] | list[Case]) -> pa.Table:
    cases = [case for case in cases if case.outcome in ("ok", None)]
    return pa.table(
        {
            "image_id": _ids([case.image_id for case in cases]),
            "width": [320] * len(cases),
            "height": [240] * len(cases),
            "format": ["jpeg"] * len(cases),
            "bytes": [case.file_size for case in cases],
            "md5": _ids([text_id(case.picture or case.caption) for case in cases]),
            "sha256": [case.sha256 for case in cases],
        }
    )


def _pixels(cases: tuple[Case, ...]) -> pa.Table:
    images = _images(cases)
    pixels = pa.array([b"pixels"] * images.num_rows, pa.binary())
    return images.select(["image_id", "width", "height"]).append_column("pixels", pixels)


def _rights(cases: tuple[Case, ...]) -> pa.Table:
    """Each picture names two creators, in one place, and what may be done with it."""
    wishes = {case.image_id: case.wish for case in cases}
    said = [("dc:creator", "Ann"), ("dc:creator", "Bea")]
    rows = [
        {"image_id": image, "carrier": "xmp", "property": name, "value": value}
        for image in _images(cases)["image_id"].to_pylist()
        for name, value in [*said, ("plus:DataMining", f"DMI-{wishes[image]}")]
    ]
    return pa.Table.from_pylist(rows)


def _wishes(cases: tuple[Case, ...]) -> pa.Table:
    """What each site says of the use of its image, with the answer."""
    asked = [case for case in cases if case.outcome]
    return pa.table(
        {
            "url_id": _ids([text_id(case.image_url) for case in asked]),
            "property": [case.site_property for case in asked],
            "value": [case.site_wish for case in asked],
            "evidence": [f"{case.site_property}: {case.site_wish}" for case in asked],
            "heard_at": [datetime(2026, 1, case.day) for case in asked],
        }
    )


def hear(case: Case, wish: str) -> None:
    """Land what the picture of a case says of its use, after the picture itself."""
    append({"raw.image_rights": _rights((replace(case, wish=wish),))})


def hear_of_site(case: Case, site_wish: str, site_property: str = "Content-Usage") -> None:
    """Land what the site of a case says of its use, later than its answer."""
    said = replace(case, site_wish=site_wish, site_property=site_property, day=2)
    append({"raw.wishes": _wishes((said,))})


def license_file(case: Case, licence: str) -> None:
    """Land the licence that the picture of a case names, after the picture itself."""
    said = {"image_id": case.image_id, "carrier": "xmp", "property": "cc:license", "value": licence}
    append({"raw.image_rights": pa.Table.from_pylist([said])})


def license_image(case: Case, licence: str, **said: str) -> None:
    """Land the licence that a page names for the image of a case, and what else it says of it."""
    row = {"page_id": _page_id(CRAWL, "one.wat"), "url_id": text_id(case.image_url), **said}
    append({"raw.image_licenses": pa.Table.from_pylist([row | {"license_url": licence}])})


def hear_page(crawl_id: str, path: str, **said: object) -> None:
    """Land what the page of a crawl file says of itself: its `license_url`, its `language`."""
    row = {"page_id": _page_id(crawl_id, path), **said}
    append({"raw.pages": pa.Table.from_pylist([row])})


def _page_id(crawl_id: str, path: str) -> uuid.UUID:
    return text_id(f"https://page.example/{crawl_id}/{path}")


def hear_of_page(page: str, *wishes: tuple[str, str], day: int = 1) -> None:
    """Land what a page says, as one that was crawled that day."""
    row = {
        "page_id": text_id(page_url := f"https://page.example/{page}").bytes,
        "page_url": page_url,
        "crawl_id": CRAWL,
        "path": "one.wat",
        "wishes": [
            {"property": name, "value": value, "evidence": f"{name}: {value}"}
            for name, value in wishes
        ],
        "heard_at": datetime(2026, 1, day),
    }
    append({"raw.pages": pa.Table.from_pylist([row], schema=_PAGES)})


def land_models() -> None:
    """Land the models that made the scores."""
    append({"enriched.models": _models()})


def _models() -> pa.Table:
    rows = [
        {"kind": kind, "name": name, "model_id": model_id}
        for kind, (name, model_id) in MODELS.items()
    ]
    return pa.Table.from_pylist(rows)


def _scores(cases: tuple[Case, ...]) -> dict[str, pa.Table]:
    read = [case for case in cases if case.language]
    compared = [case for case in read if case.outcome == "ok" and case.similarity is not None]
    hashed = [case for case in read if case.outcome == "ok"]
    return {
        "enriched.caption_languages": _score(
            "language",
            caption_id=_ids([text_id(case.caption) for case in read]),
            language=pa.array([case.language for case in read]),
            is_reliable=pa.array([case.is_reliable for case in read]),
        ),
        "enriched.image_hashes": _score(
            "image_hash",
            image_id=_ids([case.image_id for case in hashed]),
            phash=pa.array(range(len(hashed)), pa.int64()),
        ),
        "enriched.pair_similarities": _score(
            "similarity",
            image_id=_ids([case.image_id for case in compared]),
            caption_id=_ids([text_id(case.caption) for case in compared]),
            similarity=pa.array([case.similarity for case in compared], pa.float32()),
        ),
    }


def _score(kind: str, **columns: pa.Array) -> pa.Table:
    rows = len(next(iter(columns.values())))
    return pa.table({"model_id": [MODELS[kind][1]] * rows, "outcome": ["ok"] * rows, **columns})
