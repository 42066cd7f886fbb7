"""Plants the demo's web: writes its image files, decides which pairs stand in it and their fate."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import ftfy
from ftfy.fixes import uncurl_quotes
from PIL import Image

from pairlake.demo import scenes
from pairlake.demo.captions import caption
from pairlake.demo.faults import FAULTS, Fault
from pairlake.demo.pictures import LANGUAGES, Picture, same_pixels

# The share of pictures that have a copy of each kind under a URL of its own.
_COPY_SHARES = {
    "copy_same_bytes": 0.35,
    "copy_resized": 0.55,
    "copy_recompressed": 0.55,
    "watermarked": 0.25,
}
_FAULT_SHARE = 0.005
_MOST_SLOW = 3
TOO_LOW = "similarity_too_low"  # what becomes of a caption of another picture
_NAMELESS = ("click here", "read more", "IMG_{number}.jpg", "DSC{number}.JPG", "photo {number}")
_SHORT = ("img", "foto", "1", "ok", "JPG")
# Single words of these are "no language" to CLD3 more often than those of other scripts.
_BARE_LANGUAGES = ("de", "en", "es", "fr", "id", "it", "pt", "tr")


@dataclass(frozen=True, kw_only=True)
class Planted:
    """One (image_url, caption) as pages hold it, and what should become of it.

    `caption` is not yet cleaned. `language` is "none" where the caption is no sentence.
    `drop_reason` is None for a pair to keep, duplicates left aside. `image_sha256` is that of the
    bytes which arrive, None where no good image does. `sightings` is how often pages show it, and
    `page_wish` what these pages say of their use: the name and the content of a <meta>.
    """

    image_url: str
    caption: str
    language: str
    page_language: str
    kind: str
    drop_reason: str | None
    picture: str
    image_sha256: str | None
    sightings: int
    page_wish: tuple[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class _Published:
    url: str
    name: str
    sha256: str


def plant(
    pictures: Sequence[Picture], folder: Path, base_url: str, rng: random.Random
) -> Iterator[Planted]:
    """Write the image files of every picture to `folder`/images and yield the planted pairs.

    `base_url` is the root of the web, with its last slash.
    """
    (folder / "images").mkdir(parents=True)
    faults = _faults_of(pictures, rng)
    for index, picture in enumerate(pictures):
        bed = _Bed(picture=picture, pictures=pictures, folder=folder, base_url=base_url, rng=rng)
        image = scenes.scene(picture, rng)
        original = bed.original(image)
        yield from bed.right_captions(original, messy=index % 20 == 3)
        yield from bed.odd_captions(original, short=index % 25 == 7)
        yield from bed.copies(image, original)
        for fault in faults.get(picture.hexcode, ()):
            yield bed.fault(fault, image, original)


def with_wrong_captions(
    planted: Iterable[Planted], pictures: Sequence[Picture], per_right: float, rng: random.Random
) -> Iterator[Planted]:
    """What was planted, with so many wrong captions more beside each pair that is to be kept."""
    known = {picture.hexcode: picture for picture in pictures}
    for pair in planted:
        yield pair
        if pair.drop_reason is not None:
            continue
        for _ in range(int(per_right) + (rng.random() < per_right % 1)):
            language, text = _misleading(known[pair.picture], pictures, rng)
            yield replace(
                pair,
                caption=text,
                language=language,
                page_language="en" if language == "none" else language,
                kind="wrong_caption",
                drop_reason=TOO_LOW,
                sightings=_sightings(rng),
            )


def landed_caption(text: str) -> str:
    """The caption that should land: entities and encoding repaired, white space folded."""
    mended = ftfy.fix_text(text, fix_character_width=False, uncurl_quotes=False)
    keeps_its_quotes = any("\u3040" <= character <= "\u9fff" for character in mended)
    return " ".join((mended if keeps_its_quotes else uncurl_quotes(mended)).split())


def _faults_of(pictures: Sequence[Picture], rng: random.Random) -> dict[str, list[Fault]]:
    # Each fault twice at least, so that no case hangs on a single picture.
    count = max(2, round(_FAULT_SHARE * len(pictures)))
    found: dict[str, list[Fault]] = {}
    for fault in FAULTS:
        wanted = min(count, _MOST_SLOW) if fault.kind == "slow" else count
        for picture in rng.sample(list(pictures), wanted):
            found.setdefault(picture.hexcode, []).append(fault)
    return found


@dataclass(frozen=True, kw_only=True)
class _Bed:
    """The place of one picture on the web."""

    picture: Picture
    pictures: Sequence[Picture]
    folder: Path
    base_url: str
    rng: random.Random

    def original(self, image: Image.Image) -> _Published:
        form, ending = self.rng.choices(
            (("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")), (84, 8, 8)
        )[0]
        return self._publish(f"{self.picture.hexcode}.{ending}", scenes.encoded(image, form))

    def right_captions(self, original: _Published, messy: bool) -> Iterator[Planted]:
        languages = self.rng.sample(LANGUAGES, self.rng.choice((2, 2, 3)))
        if "en" not in languages and self.rng.random() < 0.7:
            languages.append("en")
        for language in languages:
            text = self._sentence(language)
            if messy and language == languages[0]:
                yield self._planted(original, _messy(text, self.rng), language, "messy_caption")
            else:
                yield self._planted(original, text, language, "right")

    def odd_captions(self, original: _Published, short: bool) -> Iterator[Planted]:
        draw = self.rng.random()
        if draw < 0.3:
            language = self.rng.choice(_BARE_LANGUAGES)
            name = self.picture.names[language]
            if " " not in name and len(name) >= 5:
                yield self._planted(original, name, "none", "bare_name", page_language=language)
        elif draw < 0.5:
            yield self._wrong(original)
        elif draw < 0.6:
            text = _nameless(self.rng)
            yield self._planted(original, text, "none", "wrong_caption", "similarity_too_low")
        if short:
            text = self.rng.choice(_SHORT)
            yield self._planted(original, text, "none", "short_caption", "caption_too_short")

    def copies(self, image: Image.Image, original: _Published) -> Iterator[Planted]:
        for kind, share in _COPY_SHARES.items():
            if self.rng.random() >= share:
                continue
            copy = self._copy(kind, image, original)
            for language in self.rng.sample(LANGUAGES, self.rng.choice((1, 1, 2))):
                yield self._planted(copy, self._sentence(language), language, kind)
            if self.rng.random() < 0.1:
                yield self._wrong(copy)

    def fault(self, fault: Fault, image: Image.Image, original: _Published) -> Planted:
        path = fault.url.format(file=original.name, hexcode=self.picture.hexcode)
        url = path if path.startswith("http:") else self.base_url + path.removeprefix("/")
        if fault.make is not None:
            (self.folder / path.removeprefix("/")).write_bytes(fault.make(image, self.rng))
        language = self.rng.choice(LANGUAGES)
        return Planted(
            image_url=url,
            caption=self._sentence(language),
            language=language,
            page_language=language,
            kind=fault.kind,
            drop_reason=fault.drop_reason,
            picture=self.picture.hexcode,
            image_sha256=original.sha256 if fault.drop_reason is None else None,
            sightings=1,
        )

    def _copy(self, kind: str, image: Image.Image, original: _Published) -> _Published:
        hexcode, rng = self.picture.hexcode, self.rng
        if kind == "copy_same_bytes":
            url = f"{original.url}?from=newsletter"
            return _Published(url=url, name=original.name, sha256=original.sha256)
        if kind == "copy_resized":
            payload = scenes.encoded(scenes.resized(image, rng), "JPEG")
            return self._publish(f"{hexcode}-small.jpg", payload)
        if kind == "watermarked":
            payload = scenes.encoded(scenes.watermarked(image, rng), "JPEG")
            return self._publish(f"{hexcode}-stock.jpg", payload)
        # At the same quality WEBP keeps much less of the grain than JPEG, and falls below the size.
        form, ending, quality = rng.choice((("JPEG", "jpg", 60), ("WEBP", "webp", 80)))
        payload = scenes.encoded(image, form, quality=quality + rng.randint(0, 4))
        return self._publish(f"{hexcode}-forum.{ending}", payload)

    def _wrong(self, at: _Published) -> Planted:
        language, text = _of_another(self.picture, self.pictures, self.rng)
        return self._planted(at, text, language, "wrong_caption", "similarity_too_low")

    def _sentence(self, language: str) -> str:
        return caption(language, self.picture.names[language], self.rng)

    def _planted(
        self,
        at: _Published,
        text: str,
        language: str,
        kind: str,
        drop_reason: str | None = None,
        page_language: str | None = None,
    ) -> Planted:
        return Planted(
            image_url=at.url,
            caption=text,
            language=language,
            page_language=page_language or ("en" if language == "none" else language),
            kind=kind,
            drop_reason=drop_reason,
            picture=self.picture.hexcode,
            image_sha256=at.sha256,
            sightings=_sightings(self.rng),
        )

    def _publish(self, name: str, payload: bytes) -> _Published:
        if len(payload) < scenes.SMALLEST_PASSING_BYTES:
            raise ValueError(f"{name} is meant to pass, but has only {len(payload)} bytes.")
        (self.folder / "images" / name).write_bytes(payload)
        digest = hashlib.sha256(payload).hexdigest()
        return _Published(url=f"{self.base_url}images/{name}", name=name, sha256=digest)


def _misleading(
    picture: Picture, pictures: Sequence[Picture], rng: random.Random
) -> tuple[str, str]:
    # As often as the world has them without being asked.
    if rng.random() < 2 / 3:
        return _of_another(picture, pictures, rng)
    return "none", _nameless(rng)


def _of_another(
    picture: Picture, pictures: Sequence[Picture], rng: random.Random
) -> tuple[str, str]:
    """A language, and a sentence in it about another picture."""
    language = rng.choice(LANGUAGES)
    other = rng.choice(pictures)
    # Some flags and symbols are the same drawing under two names: both captions are right.
    while other.names[language] == picture.names[language] or same_pixels(picture, other):
        other = rng.choice(pictures)
    return language, caption(language, other.names[language], rng)


def _nameless(rng: random.Random) -> str:
    return rng.choice(_NAMELESS).format(number=rng.randint(1000, 9999))


def _sightings(rng: random.Random) -> int:
    return rng.choices((1, 2, 3, 5), (75, 15, 7, 3))[0]


def _messy(text: str, rng: random.Random) -> str:
    mojibake = text.encode().decode("cp1252", errors="replace")
    if mojibake != text and landed_caption(mojibake) == landed_caption(text):
        return mojibake
    return rng.choice((f"  {text} \u00a0", f"{text} &amp; more &lt;3"))
