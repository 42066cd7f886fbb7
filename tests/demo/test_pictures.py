"""The picture catalogue: what is in it, what it is called, what cannot be told apart."""

from __future__ import annotations

from collections import Counter

import pytest

from pairlake.demo.pictures import (
    LANGUAGES,
    Picture,
    pictures,
    pixel_groups,
    render,
    same_pixels,
    svg,
)


def by_name(name: str) -> Picture:
    return next(picture for picture in pictures() if picture.names["en"] == name)


def test_every_picture_is_named_in_14_languages() -> None:
    assert len(pictures()) == 1914
    assert len(LANGUAGES) == 14
    for picture in pictures():
        assert set(picture.names) == set(LANGUAGES)
        assert not [name for name in picture.names.values() if not name or set(name) & set(":_")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_pictures_share_a_name(language: str) -> None:
    assert len({picture.names[language] for picture in pictures()}) == len(pictures())


def test_skin_tones_are_left_out_and_the_order_is_fixed() -> None:
    hexcodes = [picture.hexcode for picture in pictures()]
    assert hexcodes == sorted(set(hexcodes))
    tones = {"1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF"}
    assert not [hexcode for hexcode in hexcodes if tones & set(hexcode.split("-"))]


def test_a_drawing_is_rendered_in_colour_on_a_transparent_ground() -> None:
    apple = by_name("red apple")
    assert b"<svg" in svg(apple)
    image = render(apple, 80)
    assert (image.mode, image.size) == ("RGBA", (80, 80))
    assert image.getpixel((0, 0)) == (0, 0, 0, 0)
    red, green, blue, alpha = image.resize((1, 1), box=(30, 40, 50, 60)).getpixel((0, 0))
    assert alpha == 255
    assert red > green + 50
    assert red > blue + 50


@pytest.mark.slow
def test_67_pictures_have_a_double() -> None:
    sizes = Counter(pixel_groups().values())
    shared = [size for size in sizes.values() if size > 1]
    assert (sum(shared), len(shared)) == (67, 33)


def test_the_flag_of_svalbard_is_the_flag_of_norway() -> None:
    norway, svalbard = by_name("Norway"), by_name("Svalbard & Jan Mayen")
    assert same_pixels(norway, svalbard)
    assert not same_pixels(norway, by_name("Denmark"))
