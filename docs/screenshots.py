"""Makes the pictures of the search page in docs/pictures: `python docs/screenshots.py`.

It serves the lake of the settings, which is the demo's where `make screenshots` calls it, and looks
at the page in headless Chromium.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

PICTURES = Path(__file__).resolve().parent / "pictures"
COLOURS = 128  # of a picture's palette: a third of the bytes, and no difference to the eye


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One picture: the page's address, and what is looked at."""

    name: str
    address: str
    width: int = 1_280
    height: int = 800
    scheme: str = "light"
    until: str = "#grid img"  # what must be there
    click: str | None = None  # what is clicked first


SHOTS = (
    Shot(name="search", address="?q=a+drawing+of+a+cat"),
    Shot(
        name="filters",
        address="?q=ein+Vogel&where=language+in+de%2Cfr%2Cja&where=similarity+%3E%3D+0.4&captions=full",
        scheme="dark",
    ),
    Shot(
        name="story",
        address="?q=un+dessin+de+pizza",
        click="#grid .open",
        until="#story[open] dl",
        height=1_000,
    ),
    Shot(name="dataset", address="?tab=dataset", until="#dataset svg", height=1_000),
    Shot(name="phone", address="?q=un+gato+negro", width=360, height=720),
)


def main() -> None:
    """Make every picture anew."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("There is no chromium on the PATH; install it, and try again.")
    PICTURES.mkdir(exist_ok=True)
    with _served() as root, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for shot in SHOTS:
            file = PICTURES / f"{shot.name}.png"
            file.write_bytes(_small(_picture(browser, root, shot)))
            print(f"{file.relative_to(PICTURES.parents[1])}: {file.stat().st_size:,} bytes")
        browser.close()


@contextmanager
def _served() -> Iterator[str]:
    """The address of `pairlake serve`."""
    pairlake = Path(sys.executable).with_name("pairlake")
    process = subprocess.Popen([pairlake, "serve"], stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        for line in process.stdout or ():
            if "http://" in line:
                yield next(word for word in line.split() if word.startswith("http://"))
                return
        sys.exit("The page could not be served; pairlake serve says why.")
    finally:
        process.terminate()
        process.wait()


def _picture(browser: Browser, root: str, shot: Shot) -> bytes:
    page = browser.new_page(
        viewport={"width": shot.width, "height": shot.height},
        color_scheme="dark" if shot.scheme == "dark" else "light",
    )
    page.goto(root + shot.address)
    if shot.click is not None:
        page.locator(shot.click).first.click()
    page.locator(shot.until).first.wait_for()
    page.wait_for_load_state("networkidle")
    picture = page.screenshot()
    page.close()
    return picture


def _small(picture: bytes) -> bytes:
    file = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as image:
        image.convert("RGB").quantize(COLOURS).save(file, "PNG", optimize=True)
    return file.getvalue()


if __name__ == "__main__":
    main()
