"""What goes wrong with images on the demo's web, and the drop reason each fault should end in."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from pairlake.demo import scenes

Maker = Callable[[Image.Image, random.Random], bytes]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A way for a right caption to lead to no good image, or to lead there by a detour.

    `url` is a path on the demo's web or a whole URL; `{file}` in it stands for the file name of the
    picture's good original, `{hexcode}` for the picture. `make` gives the bytes of a file to be
    written at that path; without it the web's routes (demo/web.py) or nobody answers.
    `drop_reason` is None where the original arrives all the same.
    """

    kind: str
    url: str
    drop_reason: str | None
    make: Maker | None = None


def _route(kind: str, drop_reason: str | None, path: str | None = None) -> Fault:
    name = path or kind.replace("_", "-")
    return Fault(kind=kind, url=f"/{name}/{{file}}", drop_reason=drop_reason)


def _file(kind: str, drop_reason: str, ending: str, make: Maker) -> Fault:
    return Fault(kind=kind, url=f"/images/{{hexcode}}-{ending}", drop_reason=drop_reason, make=make)


def _elsewhere(kind: str, drop_reason: str, host: str) -> Fault:
    return Fault(kind=kind, url=f"http://{host}/{{file}}", drop_reason=drop_reason)


FAULTS: tuple[Fault, ...] = (
    _route("not_found", "download_not_found"),
    _route("gone", "download_gone"),
    _route("forbidden", "download_http_error"),
    _route("server_error", "download_server_error"),
    _route("server_error", "download_server_error", path="unavailable"),
    _route("slow", "download_too_slow"),
    _route("reset", "download_connection_error"),
    _route("short_body", "download_connection_error"),
    # Nothing listens on the discard port.
    _elsewhere("refused", "download_connection_error", "127.0.0.1:9"),
    _route("html", "download_not_an_image"),
    _route("text", "download_not_an_image"),
    _route("oversized_bytes", "download_too_large", path="oversized"),
    _route("oversized_bytes", "download_too_large", path="oversized-unannounced"),
    _file("oversized_pixels", "download_too_many_pixels", "poster.png", scenes.bomb),
    _file("truncated", "download_corrupt_image", "upload.jpg", scenes.truncated),
    _file("half_zeroed", "download_corrupt_image", "disk.png", scenes.half_zeroed),
    # Endings that lie: those that tell the truth (.gif, .svg) a crawler may refuse unseen.
    _file("unwanted_format", "image_format", "anim.jpg", scenes.gif),
    _file("unsupported_format", "download_unsupported_format", "scan.png", scenes.tiff),
    _file("tiny", "image_too_small", "icon.png", scenes.icon),
    _file("tiny", "image_too_small", "spacer.png", scenes.spacer),
    _route("redirect_ok", None, path="redirect"),
    _route("redirect_ok", None, path="redirect-twice"),
    _route("redirect_loop", "download_too_many_redirects"),
    _route("redirect_private", "download_private_address"),
    _elsewhere("private_address", "download_private_address", "10.0.0.1"),
    _elsewhere("private_address", "download_private_address", "192.168.1.1"),
    _elsewhere("private_address", "download_private_address", "169.254.169.254"),
    _elsewhere("private_address", "download_private_address", "[::ffff:a00:1]"),
    _route("mislabelled", None),
    _route("opted_out", "opted_out_x_robots_tag_train"),
    _route("opted_out_of_another", None),
    _elsewhere("blocked_domain", "blocked_domain", "blocked.example"),
    _elsewhere("blocked_domain", "blocked_domain", "images.blocked.example"),
)
