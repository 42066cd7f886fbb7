"""The bare work of a fetch: download, decode, resize and encode with the fastest libraries.

No lake, no checks, no politeness. Runs in the peer's environment: `python bare.py BASE FIRST COUNT
[CERTIFICATE]`, one process per core.
"""

from __future__ import annotations

import io
import sys

import cv2
import numpy as np
import pycurl
import simplejpeg

SIDE = 256


def main(base: str, first: int, count: int, certificate: str | None) -> None:
    """Fetch /image/FIRST.jpg and those that follow; the pixels go nowhere."""
    cv2.setNumThreads(1)
    curl = pycurl.Curl()
    if certificate:
        curl.setopt(pycurl.CAINFO, certificate)
    total = 0
    for number in range(first, first + count):
        body = io.BytesIO()
        curl.setopt(pycurl.URL, f"{base}/image/{number}.jpg")
        curl.setopt(pycurl.WRITEDATA, body)
        curl.perform()
        total += len(_kept(body.getvalue()))
    print(total)


def _kept(body: bytes) -> bytes:
    if body.startswith(b"\xff\xd8"):
        height, width, _, _ = simplejpeg.decode_jpeg_header(body)
        scale = min(1.0, SIDE / min(height, width))
        least = 2 * round(height * scale), 2 * round(width * scale)
        image = simplejpeg.decode_jpeg(
            body, "BGR", min_height=least[0], min_width=least[1], min_factor=1
        )
    else:
        image = np.asarray(cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR))
        height, width = image.shape[:2]
        scale = min(1.0, SIDE / min(height, width))
    size = round(width * scale), round(height * scale)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return bytes(
        simplejpeg.encode_jpeg(small, quality=95, colorspace="BGR", colorsubsampling="444")
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] if sys.argv[4:] else None)
