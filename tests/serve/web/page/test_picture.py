"""A picture to search by: uploaded, dropped or pasted, and sent byte for byte."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from pairlake.lake.keys import text_id
from pairlake.serve.web.asked import MOST_PICTURE
from tests.serve.conftest import CAT, SEA
from tests.serve.web.page.test_search import card, state

_GIVE = """
([how, bytes, type]) => {
    const data = new DataTransfer();
    const content = Uint8Array.from(atob(bytes), (each) => each.charCodeAt());
    data.items.add(new File([content], "picture", { type }));
    const event = how === "paste"
        ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true })
        : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
    document.body.dispatchEvent(event);
}
"""


def _png(name: str, size: int = 0) -> bytes:
    """A picture in the colour that means `name`, in a file of `size` bytes or what it takes."""
    file = io.BytesIO()
    Image.new("RGB", (1600, 900), tuple(text_id(name).bytes[:3])).save(file, "PNG")
    return file.getvalue().ljust(size, b"\0")


def _give(page: Page, how: str, content: bytes, type: str = "image/png") -> None:
    page.evaluate(_GIVE, [how, base64.b64encode(content).decode(), type])


def test_a_picture_is_sent_as_it_is_and_searched_by(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "cat.png"
    file.write_bytes(_png("cat", MOST_PICTURE))
    with page.expect_request("**/api/search") as asked, page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=re.compile("search by one")).click()
        chooser.value.set_files(file)
    expect(page.locator("#grid .caption").first).to_have_text(CAT.caption)
    (part,) = json.loads(asked.value.post_data or "")["parts"]
    assert base64.b64decode(part["image"]) == file.read_bytes()
    assert state(page) == {"picture": ["like"]}
    expect(page.locator("#parts img")).to_have_js_property("naturalWidth", 1600)

    page.reload()
    expect(page.locator("#grid .caption").first).to_have_text(CAT.caption)
    page.get_by_role("searchbox").fill("sea")
    page.get_by_role("searchbox").press("Enter")
    page.get_by_role("button", name="More of your picture; turn to less").click()
    expect(page.get_by_role("button", name="Less of your picture; turn to more")).to_be_visible()
    assert state(page) == {"q": ["sea"], "picture": ["unlike"]}
    page.get_by_role("button", name="Remove your picture").click()
    assert state(page) == {"q": ["sea"]}
    page.go_back()
    expect(page.locator("#parts img")).to_have_js_property("naturalWidth", 1600)


def test_a_picture_is_dropped_or_pasted(page: Page, address: str) -> None:
    page.goto(f"{address}?q=cat&where=split+%3D+nolang")
    _give(page, "drop", _png("sea"))
    expect(page.locator("#parts img")).to_be_visible()
    expect(page.locator("#grid .caption")).to_have_text([SEA.caption])
    assert state(page) == {"picture": ["like"], "where": ["split = nolang"]}
    page.goto(address)
    _give(page, "paste", _png("cat"))
    expect(page.locator("#grid .caption").first).to_have_text(CAT.caption)
    page.goto(f"{address}?q=sea")
    picture = card(page, SEA).locator("img")
    # One that has not come cannot be dragged.
    expect(picture).not_to_have_js_property("naturalWidth", 0)
    picture.drag_to(page.get_by_role("searchbox"))
    expect(card(page, SEA)).to_have_count(0)
    assert state(page) == {"like": [str(SEA.pair_id)]}


def test_what_cannot_be_searched_by_is_said(careless: Page, address: str) -> None:
    status = careless.locator("#status")
    _give(careless, "drop", b"not at all", "text/plain")
    expect(status).to_contain_text("The picture is not one")
    _give(careless, "drop", _png("cat", MOST_PICTURE + 1))
    expect(status).to_contain_text(f"has more than {MOST_PICTURE:,} bytes; give a smaller one")
    careless.goto(f"{address}?picture=unlike")
    expect(status).to_contain_text("upload it again")
