"""A picture to search by: uploaded, dropped or pasted, made small before it leaves the browser."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from lake.keys import text_id
from tests.serve.conftest import CAT, SEA
from tests.serve.page.test_search import card, state

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


def _png(name: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (1600, 900), tuple(text_id(name).bytes[:3])).save(file, "PNG")
    return file.getvalue()


def _give(page: Page, how: str, content: bytes, type: str = "image/png") -> None:
    page.evaluate(_GIVE, [how, base64.b64encode(content).decode(), type])


def test_a_picture_is_made_small_and_searched_by(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "cat.png"
    file.write_bytes(_png("cat"))
    with page.expect_request("**/api/search") as asked, page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=re.compile("search by one")).click()
        chooser.value.set_files(file)
    expect(page.locator("#grid .caption").first).to_have_text(CAT.caption)
    (part,) = json.loads(asked.value.post_data or "")["parts"]
    with Image.open(io.BytesIO(base64.b64decode(part["image"]))) as image:
        assert (image.format, image.size) == ("JPEG", (512, 288))
    assert state(page) == {"picture": ["like"]}
    expect(page.locator("#parts img")).to_have_js_property("naturalWidth", 512)

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
    expect(page.locator("#parts img")).to_have_js_property("naturalWidth", 512)


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


def test_what_is_no_picture_is_said(page: Page, address: str) -> None:
    _give(page, "drop", b"not at all", "text/plain")
    expect(page.locator("#status")).to_contain_text("no picture that the browser reads")
    page.goto(f"{address}?picture=like")
    expect(page.locator("#status")).to_contain_text("upload it again")
