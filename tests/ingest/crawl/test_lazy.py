"""Images that are loaded late: taken from where the page has the address, each of them once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairlake.ingest.crawl.html import parse_page
from pairlake.ingest.crawl.lazy import is_placeholder

PAGE = "http://a.example/b/page.html"
DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
BLANK = f"src='{DOT}'"

Seen = tuple[str, str, str]


def seen(html: str) -> list[Seen]:
    """Path, alt text and source of each sighting on a page; all are of its host."""
    page = parse_page(f"<body>{html}".encode(), PAGE, "utf-8")
    assert len(page.sightings) <= page.images <= page.links
    assert all(sighting.image_url.startswith("http://a.example/") for sighting in page.sightings)
    return [
        (sighting.image_url.removeprefix("http://a.example"), sighting.text, sighting.image_source)
        for sighting in page.sightings
    ]


def found(attributes: str) -> tuple[str, str] | None:
    """Path and source of the only image of a page, by its attributes."""
    sightings = seen(f"<img alt=x {attributes}>")
    assert len(sightings) <= 1
    return next(((path, source) for path, _, source in sightings), None)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        # What a browser shows at once stays, whatever else there is.
        ("src=/1.jpg data-src=/2.jpg srcset='/3.jpg 2x'", ("/1.jpg", "src")),
        ("src=/red-carpet.jpg data-original=/2.jpg", ("/red-carpet.jpg", "src")),
        ("src=/11px-Up.svg.png srcset='/22px-Up.svg.png 2x'", ("/11px-Up.svg.png", "src")),
        # Nothing, or nothing that is fetched.
        ("data-src=/1.jpg", ("/1.jpg", "data-src")),
        ("src data-src=/1.jpg", ("/1.jpg", "data-src")),
        ("src=' ' data-src=/1.jpg", ("/1.jpg", "data-src")),
        ("src='#' data-src=/1.jpg", ("/1.jpg", "data-src")),
        ("src=about:blank data-src=1.jpg", ("/b/1.jpg", "data-src")),
        ("src='//:0' data-src=//a.example/1.jpg", ("/1.jpg", "data-src")),
        (f"{BLANK} DATA-SRC=/1.jpg", ("/1.jpg", "data-src")),
        # A placeholder with a file of its own.
        ("src=/img/blank.gif data-src=/1.jpg", ("/1.jpg", "data-src")),
        ("src=/1x1.trans.gif?v=2 data-lazy-src=/1.jpg", ("/1.jpg", "data-lazy-src")),
        ("src=/lazy_placeholder.gif data-original=/1.jpg", ("/1.jpg", "data-original")),
        ("src=/placeholder_200x150.jpg srcset='/1.jpg 2x'", ("/1.jpg", "srcset")),
        ("src=/spacer.gif", ("/spacer.gif", "src")),
        ("src=/t.gif data-src=/loading.gif", ("/t.gif", "src")),
        (f"{BLANK} data-src=/placeholder.png", ("/placeholder.png", "data-src")),
        # The next one, where one is of no use.
        (f"{BLANK} data-src='{DOT}' data-original=/1.jpg", ("/1.jpg", "data-original")),
        (f"{BLANK} data-src=/blank.png data-lazy-src=/1.jpg", ("/1.jpg", "data-lazy-src")),
        (f"{BLANK} data-lazy=true data-echo=/1.jpg", ("/1.jpg", "data-echo")),
        (f"{BLANK} data-src='/i_{{width}}x.jpg' srcset='/1.jpg 300w'", ("/1.jpg", "srcset")),
        (f'{BLANK} data-src=\'{{"1x": "/1.jpg"}}\'', None),
        (f"{BLANK} srcset='{DOT} 1x' data-srcset='/1.jpg 2x'", ("/1.jpg", "data-srcset")),
        # Under a maker's own name.
        (f"{BLANK} data-hi-res-src=/1.jpg", ("/1.jpg", "data-hi-res-src")),
        (f"{BLANK} nitro-lazy-src=/1.jpg", ("/1.jpg", "nitro-lazy-src")),
        (f"{BLANK} data-own-srcset='/1.jpg 2x'", ("/1.jpg", "data-own-srcset")),
        (f"{BLANK} data-own-src=/2.jpg data-original=/1.jpg", ("/1.jpg", "data-original")),
        (f"{BLANK} data-fallback-src=/1.jpg data-href=/2.jpg data-video-src=/3.mp4", None),
        # Of a set, the largest; by its density, the one that `src` would be.
        ("srcset='/1.jpg 300w, /2.jpg 1200w, /3.jpg 600w'", ("/2.jpg", "srcset")),
        ("srcset='/1.jpg 2x, /2.jpg 1x'", ("/2.jpg", "srcset")),
        ("srcset='/1.jpg 2x, /2.jpg'", ("/2.jpg", "srcset")),
        ("srcset='/1.jpg 2x, /2.jpg 3x'", ("/2.jpg", "srcset")),
        ("srcset='/w_1,h_2/1.jpg 1x, /w_2,h_4/1.jpg 2x'", ("/w_1,h_2/1.jpg", "srcset")),
        ("srcset='/1.jpg,/2.jpg 2x'", ("/1.jpg,/2.jpg", "srcset")),
        ("srcset='\n/1.jpg\t640w ,\n\n/2.jpg\t1280w ,'", ("/2.jpg", "srcset")),
        ("srcset='/1.jpg 300W, /2.jpg 0w, /3.jpg 100w 2x, /4.jpg 5w'", ("/4.jpg", "srcset")),
        (f"srcset='/1.jpg 1w, {DOT} 900w'", ("/1.jpg", "srcset")),
        ("srcset=', ,'", None),
        ("src='' alt=x", None),
    ],
)
def test_the_address_is_where_the_page_has_it(
    attributes: str, expected: tuple[str, str] | None
) -> None:
    assert found(attributes) == expected


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ("<source srcset=/1.webp><img src=/2.jpg alt=x>", ("/2.jpg", "src")),
        ("<source srcset='/1.webp 2x'> <img alt=x>", ("/1.webp", "srcset")),
        (
            "<source media='(min-width: 9em)' srcset=/1.jpg><source srcset=/2.jpg><img alt=x>",
            ("/1.jpg", "srcset"),
        ),
        (
            f"<source srcset='/1.avif 9w' type=image/avif><source srcset={DOT} data-srcset='/1.png"
            f" 9w'><!-- --><img {BLANK} alt=x>",
            ("/1.png", "data-srcset"),
        ),
        ("<source type=image/avif srcset=/1.avif><img alt=x>", ("/1.avif", "srcset")),
        (f"<source srcset=/1.webp><img {BLANK} data-src=/2.jpg alt=x>", ("/2.jpg", "data-src")),
    ],
)
def test_a_picture_has_it_in_its_sources(sources: str, expected: tuple[str, str]) -> None:
    ((path, _, source),) = seen(f"<picture>{sources}</picture>")
    assert (path, source) == expected


LATE = f"<img {BLANK} data-src=/1.jpg alt=x>"
PLAIN = "<noscript><img src=/1.jpg alt=x></noscript>"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (LATE + PLAIN, [("/1.jpg", "src")]),
        (PLAIN + LATE, [("/1.jpg", "src")]),
        (
            f"<p>{LATE}<p>{PLAIN.upper().replace('X', 'x').replace('JPG', 'jpg')}",
            [("/1.jpg", "src")],
        ),
        ("<img src=/1.jpg alt=x>" + PLAIN, [("/1.jpg", "src")]),
        ("<img src=/blank.gif alt=x>" + PLAIN, [("/1.jpg", "src")]),
        # Each as often as it is shown.
        ((LATE + PLAIN) * 2, [("/1.jpg", "src")] * 2),
        ((PLAIN + LATE) * 2, [("/1.jpg", "src")] * 2),
        (LATE * 2 + PLAIN, [("/1.jpg", "data-src"), ("/1.jpg", "src")]),
        # In another size.
        (f"<img srcset='/s.jpg 9w, /m.jpg 99w' alt=x>{PLAIN}", [("/1.jpg", "src")]),
        # By two scripts, of which one has put off the other's.
        (f"{LATE}<noscript>{LATE}{PLAIN}</noscript>", [("/1.jpg", "src")]),
        (f"{LATE}<noscript>{LATE}</noscript>", [("/1.jpg", "data-src")]),
        (
            f"<picture><source data-srcset=/1.webp>{LATE}</picture><noscript><a href=/><figure>"
            "<picture><source srcset=/1.webp><img src=/1.jpg alt=x></picture></figure></a>"
            "</noscript>",
            [("/1.jpg", "src")],
        ),
        ("<img class=late alt=x>" + PLAIN, [("/1.jpg", "src")]),
        # Other pictures.
        ("<img src=/2.jpg alt=x>" + PLAIN, [("/2.jpg", "src"), ("/1.jpg", "src")]),
        (
            f"<img {BLANK} data-src=/1.jpg alt=x><img src=/1.jpg alt=x>",
            [("/1.jpg", "data-src"), ("/1.jpg", "src")],
        ),
    ],
)
def test_what_a_noscript_shows_again_is_seen_once(
    html: str, expected: list[tuple[str, str]]
) -> None:
    assert [(path, source) for path, _, source in seen(html)] == expected
    # Whatever else is on the page, without alt text or with another.
    around = seen(f"<img src=/0.jpg alt=y>{html}<img src=/p.gif><img src=/9.jpg alt=z>")
    assert around[1:-1] == seen(html)


def test_a_noscript_beside_another_image_takes_nothing_from_it() -> None:
    html = LATE + PLAIN.replace("alt=x", "alt=y")
    assert seen(html) == [("/1.jpg", "x", "data-src"), ("/1.jpg", "y", "src")]


def test_an_image_of_amp_is_told_apart() -> None:
    assert seen("<amp-img src=/1.jpg alt=x></amp-img>") == [("/1.jpg", "x", "amp-img")]
    assert seen("<amp-img srcset='/1.jpg 9w' alt=x></amp-img>") == [("/1.jpg", "x", "amp-img")]
    assert seen(f"<amp-img src=/1.jpg alt=x>{PLAIN}</amp-img>") == [("/1.jpg", "x", "src")]


def test_no_photo_is_a_placeholder() -> None:
    for name in ("clear-sky.jpg", "preloved.png", "my-dotty-aunt.gif", "lazybones.svg", "a.jpg"):
        assert not is_placeholder(f"http://a.example/blank/1x1/{name}?spacer.gif")


SIZES = st.lists(st.integers(1, 5_000), min_size=1, max_size=8, unique=True)
BLANKS = st.text("\t\n\f\r ", min_size=1, max_size=3)


@given(SIZES, BLANKS, st.sampled_from([",", " ,", ",\n,"]))
def test_of_any_widths_the_largest_is_taken(sizes: list[int], blank: str, comma: str) -> None:
    candidates = [f"/a,{size},.jpg{blank}{size}w" for size in sizes]
    value = (comma + blank).join(candidates)
    assert found(f"srcset='{value}'") == (f"/a,{max(sizes)},.jpg", "srcset")


VALUES = st.text("/.,:;{(x)w19e-+ \t\nä#?%&data", max_size=40)
NAMES = ("src", "data-src", "data-lazy-src", "srcset", "data-srcset", "loading")
IMAGES = st.dictionaries(st.sampled_from(NAMES), VALUES)


def _img(attributes: dict[str, str]) -> str:
    return "<img alt=x " + " ".join(f'{name}="{text}"' for name, text in attributes.items()) + ">"


@given(IMAGES)
def test_whatever_stands_elsewhere_src_is_taken_if_it_is_of_use(image: dict[str, str]) -> None:
    alone = parse_page(
        _img({"src": image.get("src", "").strip()}).encode(), PAGE, "utf-8"
    ).sightings
    if alone and not is_placeholder(alone[0].image_url):
        assert parse_page(_img(image).encode(), PAGE, "utf-8").sightings == alone


@given(st.lists(IMAGES, max_size=6), st.lists(st.booleans(), min_size=6, max_size=6))
def test_whatever_attributes_hold_it_costs_no_page(
    images: list[dict[str, str]], within: list[bool]
) -> None:
    tags = [
        f"<noscript>{_img(image)}</noscript>" if is_within else _img(image)
        for image, is_within in zip(images, within, strict=False)
    ]
    each = [parse_page(tag.encode(), PAGE, "utf-8").sightings for tag in tags]
    shown = seen("".join(tags))
    assert len(shown) <= sum(map(len, each))
    assert {url for url, *_ in shown} <= {
        sighting.image_url.removeprefix("http://a.example")
        for sightings in each
        for sighting in sightings
    }


@pytest.mark.parametrize(
    "html",
    [
        "<img alt=x srcset='" + "a, " * 4_000 + "/1.jpg 9w'>",
        "<img alt=x srcset='/1.jpg " + "9" * 90_000 + "w'>",
        "<img alt=x srcset='/1.jpg " + "9" * 900_000 + "w'>",
        "<img alt=x srcset='/1.jpg " + "(" * 90_000 + "'>",
        "<img alt=x " + " ".join(f"data-{n}-src=/{n}.jpg" for n in range(4_000)) + ">",
        "<img alt=x data-" + "lazy" * 50_000 + "src=/1.jpg>",
        "<picture>" + "<source srcset='/1.jpg 2w'>" * 4_000 + "<img alt=x>" * 4_000,
        "<noscript>" * 2_000 + "<img alt=x src=/1.jpg>" * 4_000,
        "<div>" * 2_000 + "<img alt=x data-src=/1.jpg>" * 4_000,
        "<img alt=x data-src=/1.jpg src=/" + "-b" * 900 + ".gif>",
    ],
)
def test_a_page_made_to_be_slow_is_read(html: str) -> None:
    # One that takes more than PAGE_SECONDS would end the process.
    assert parse_page(html.encode(), PAGE).links < 30_000
