"""Finds the captions of figures on a page, and what holds an image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from resiliparse.parse.html import ElementNode

# An image has at most so many elements between it and what holds it: a link, a <picture>, a <div>.
_MAX_BETWEEN = 6
# Of all captions of a page so much is read; those of captions within captions are read repeatedly.
_MAX_CHARS = 1_000_000


def figure_captions(figcaptions: Iterable[ElementNode]) -> Mapping[ElementNode, str]:
    """The text of each figure that has a caption, of its first."""
    captions: dict[ElementNode, str] = {}
    left = _MAX_CHARS
    for figcaption in figcaptions:
        figure = figure_of(figcaption)
        if figure is None or figure in captions:
            continue
        text = figcaption.text or ""
        left -= len(text)
        if left < 0:
            break
        captions[figure] = text
    return captions


def figure_of(element: ElementNode) -> ElementNode | None:
    """The nearest figure that holds an element."""
    return holder(element, "figure")


def holder(element: ElementNode, tag: str) -> ElementNode | None:
    """The nearest element of a tag that holds another, if it is near."""
    above = element.parent
    for _ in range(_MAX_BETWEEN + 1):
        if above is None:
            break
        if above.tag == tag and isinstance(above, ElementNode):
            return above
        above = above.parent
    return None
