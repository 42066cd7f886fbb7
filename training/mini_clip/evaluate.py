"""Measures mini CLIP on unseen renders and withheld captions, as its model card reports it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

import pairlake.udfs.torchvision_shim  # noqa: F401  # must come before open_clip
from pairlake.demo.captions import caption
from pairlake.demo.pictures import LANGUAGES, Picture, pictures, pixel_groups
from training.mini_clip.unseen import unseen_render

import open_clip  # isort: skip

HELD_OUT_CAPTIONS = 200
_WITHHELD_SEED = 7
_RENDER_SEED = 990_001
_CAPTION_SEED = 990_002

Floats = npt.NDArray[np.float32]


def held_out_captions() -> dict[str, str]:
    """The language by hexcode of the 200 pictures whose captions in it are never trained on."""
    drawn = _repeatable(_WITHHELD_SEED).sample(
        [picture.hexcode for picture in pictures()], HELD_OUT_CAPTIONS
    )
    return {hexcode: LANGUAGES[number % len(LANGUAGES)] for number, hexcode in enumerate(drawn)}


def _repeatable(seed: int) -> random.Random:
    return random.Random(seed)


class MiniClip:
    """The model of a directory, loaded as any open_clip model is, in float32 on the CPU."""

    def __init__(self, directory: Path) -> None:
        name = f"local-dir:{directory}"
        self.model, self.preprocess = open_clip.create_model_from_pretrained(name, precision="fp32")
        self.model.eval()
        self.tokenizer = open_clip.get_tokenizer(name, bpe_path=str(directory / "bpe.txt.gz"))

    @torch.no_grad()
    def images(self, of: Sequence[Picture], rng: random.Random) -> Floats:
        """Embeddings (N, D) of length 1 of one unseen render of each picture."""
        parts = []
        for start in range(0, len(of), 256):
            renders = [unseen_render(picture, rng) for picture in of[start : start + 256]]
            batch = torch.stack([self.preprocess(image) for image in renders])
            parts.append(self.model.encode_image(batch, normalize=True))
        return torch.cat(parts).numpy()

    @torch.no_grad()
    def captions(self, texts: Sequence[str]) -> Floats:
        """Embeddings (N, D) of length 1 of the captions."""
        parts = [
            self.model.encode_text(self.tokenizer(list(texts[start : start + 256])), normalize=True)
            for start in range(0, len(texts), 256)
        ]
        return torch.cat(parts).numpy()


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """How a set of captions found their pictures among all pictures.

    `above` counts for every caption the wrong pictures that score as high as the right one or
    higher, so ties are misses; a picture with the same pixels is right too. `right` and `wrong`
    are similarities: one right and all wrong pictures of each caption.
    """

    above: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    right: Floats
    wrong: Floats

    def recall(self, at: int) -> float:
        """Share of the captions that have their picture among the first `at`."""
        return float((self.above < at).mean())

    def auc(self) -> float:
        """Probability that a right pair scores above a wrong one, ties counting as misses."""
        return float(np.searchsorted(np.sort(self.wrong), self.right).mean() / len(self.wrong))


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The captions of one language, the pictures they mean, and what they found."""

    texts: Sequence[str]
    pictures: Sequence[int]
    ranking: Ranking


def rank(
    caption_QD: Floats, picture_Q: Sequence[int], image_ND: Floats, picture_N: Sequence[int]
) -> Ranking:
    """Score captions against images; the pictures of both are numbers in the catalogue."""
    groups = pixel_groups()
    group_all = np.array([groups[picture.hexcode] for picture in pictures()])
    score_QN = caption_QD @ image_ND.T
    right_QN = group_all[list(picture_Q)][:, None] == group_all[list(picture_N)][None, :]
    best_Q = np.where(right_QN, score_QN, -np.inf).max(1)
    place = {number: row for row, number in enumerate(picture_N)}
    return Ranking(
        above=((score_QN >= best_Q[:, None]) & ~right_QN).sum(1),
        first=score_QN.argmax(1),
        right=score_QN[np.arange(len(score_QN)), [place[number] for number in picture_Q]],
        wrong=score_QN[~right_QN],
    )


def best_threshold(right: Floats, wrong: Floats) -> tuple[float, float, float]:
    """The similarity with the best F1 and its precision and recall, right and wrong equally many.

    Every wrong pair weighs `len(right) / len(wrong)`, so all of them are used.
    """
    thresholds = np.unique(np.quantile(right, np.linspace(0, 0.2, 201)).round(3))
    hits = np.array([(right >= threshold).sum() for threshold in thresholds])
    ordered = np.sort(wrong)
    errors = (len(wrong) - np.searchsorted(ordered, thresholds)) * len(right) / len(wrong)
    f1 = 2 * hits / (hits + errors + len(right))
    best = int(f1.argmax())
    precision = hits[best] / (hits[best] + errors[best])
    return float(thresholds[best]), float(precision), float(hits[best] / len(right))


def report(directory: Path) -> str:
    """The measured part of the model card, as Markdown."""
    clip = MiniClip(directory)
    everything = range(len(pictures()))
    image_ND = clip.images(pictures(), _repeatable(_RENDER_SEED))
    rng = _repeatable(_CAPTION_SEED)
    sentences, names = {}, {}
    withheld = held_out_captions()
    for language in LANGUAGES:
        asked = [n for n in everything if withheld.get(pictures()[n].hexcode) != language]
        bare = [pictures()[number].names[language] for number in asked]
        texts = [caption(language, name, rng) for name in bare]
        found = rank(clip.captions(texts), asked, image_ND, everything)
        sentences[language] = Asked(texts=texts, pictures=asked, ranking=found)
        names[language] = rank(clip.captions(bare), asked, image_ND, everything)
    lines = [
        "Captions to pictures, one unseen render of each of the "
        f"{len(pictures())} pictures, captions trained on:",
        "",
        *_recall_lines({one: asked.ranking for one, asked in sentences.items()}, names),
        "",
        *_withheld_lines(clip, image_ND, rng),
        "",
        *_similarity_lines({one: asked.ranking for one, asked in sentences.items()}),
        "",
        *_failure_lines(sentences),
    ]
    return "\n".join(lines) + "\n"


def _recall_lines(sentences: dict[str, Ranking], names: dict[str, Ranking]) -> list[str]:
    figures = {
        language: (
            found.recall(1),
            found.recall(10),
            found.auc(),
            names[language].recall(1),
            names[language].recall(10),
        )
        for language, found in sentences.items()
    }
    figures["**mean**"] = tuple(np.mean(list(figures.values()), axis=0))
    return [
        "| language | R@1 | R@10 | AUC | R@1 bare names | R@10 bare names |",
        "|---|---|---|---|---|---|",
        *(
            f"| {language} | {r1:.3f} | {r10:.3f} | {auc:.4f} | {bare1:.3f} | {bare10:.3f} |"
            for language, (r1, r10, auc, bare1, bare10) in figures.items()
        ),
    ]


def _withheld_lines(clip: MiniClip, image_ND: Floats, rng: random.Random) -> list[str]:
    withheld = held_out_captions()
    numbers = [n for n, picture in enumerate(pictures()) if picture.hexcode in withheld]
    spoken = [withheld[pictures()[number].hexcode] for number in numbers]
    bare = [pictures()[n].names[language] for n, language in zip(numbers, spoken, strict=True)]
    texts = [caption(language, name, rng) for language, name in zip(spoken, bare, strict=True)]
    caption_QD = clip.captions(texts)
    lines = [
        f"The same for {len(numbers)} captions withheld from training, each of a picture whose "
        "captions in 13 other languages were trained on:",
        "",
        "| language | captions | R@1 | R@10 |",
        "|---|---|---|---|",
    ]
    for language in (*LANGUAGES, "**all**"):
        chosen = [q for q, one in enumerate(spoken) if language in (one, "**all**")]
        asked = [numbers[q] for q in chosen]
        found = rank(caption_QD[chosen], asked, image_ND, range(len(pictures())))
        lines.append(
            f"| {language} | {len(chosen)} | {found.recall(1):.3f} | {found.recall(10):.3f} |"
        )
    return lines


def _similarity_lines(sentences: dict[str, Ranking]) -> list[str]:
    lines = [
        "Similarity of right and wrong pairs (sentences, unseen renders), and the threshold with "
        "the best F1 where right and wrong pairs are equally many:",
        "",
        "| captions | right 1 % | right 5 % | right 50 % | wrong 50 % | wrong 95 % | wrong 99 % | "
        "threshold | precision | recall |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    others = [language for language in LANGUAGES if language != "en"]
    for title, chosen in (("English", ["en"]), ("other languages", others)):
        right = np.concatenate([sentences[language].right for language in chosen])
        wrong = np.concatenate([sentences[language].wrong for language in chosen])
        quantiles = [*np.quantile(right, (0.01, 0.05, 0.5)), *np.quantile(wrong, (0.5, 0.95, 0.99))]
        cells = [f"{value:.3f}" for value in (*quantiles, *best_threshold(right, wrong))]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return lines


def _failure_lines(sentences: dict[str, Asked]) -> list[str]:
    failures = sorted(
        (-int(above), language, query)
        for language, asked in sentences.items()
        for query, above in enumerate(asked.ranking.above)
    )
    lines = [
        "The ten worst failures, by the place at which the right picture came:",
        "",
        "| caption | language | picture | place | first came |",
        "|---|---|---|---|---|",
    ]
    for above, language, query in failures[:10]:
        asked = sentences[language]
        right = pictures()[asked.pictures[query]].names["en"]
        first = pictures()[int(asked.ranking.first[query])].names["en"]
        lines.append(f"| {asked.texts[query]} | {language} | {right} | {1 - above} | {first} |")
    return lines
