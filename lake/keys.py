"""The identities of pairs, URLs, captions and images: 16-byte UUIDs, the same in Python and SQL."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable

import pyarrow as pa


def text_id(text: str) -> uuid.UUID:
    """url_id of an URL, caption_id of a caption: md5 of its UTF-8 bytes."""
    return uuid.UUID(bytes=hashlib.md5(text.encode(), usedforsecurity=False).digest())


def text_ids(texts: Iterable[str]) -> pa.ExtensionArray:
    """`text_id` of many texts, as a column of UUIDs."""
    md5 = hashlib.md5
    digests = [md5(text.encode(), usedforsecurity=False).digest() for text in texts]
    return pa.ExtensionArray.from_storage(pa.uuid(), pa.array(digests, pa.binary(16)))


def pair_text(image_url: str, caption: str) -> str:
    """The text that stands for a pair: URL, unit separator (0x1f) and caption.

    LAION's md5(url + text) is the same for "a" + "bc" and "ab" + "c".
    """
    return f"{image_url}\x1f{caption}"


def pair_id(image_url: str, caption: str) -> uuid.UUID:
    """pair_id of one pair: the text_id of its `pair_text`."""
    return text_id(pair_text(image_url, caption))


def image_id(sha256: bytes) -> uuid.UUID:
    """image_id of a picture: the first 16 bytes of the sha256 of its bytes as downloaded."""
    return uuid.UUID(bytes=sha256[:16])
