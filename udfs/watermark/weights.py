"""Which weights the watermark detector has, known without loading torch."""

from __future__ import annotations

import hashlib
from pathlib import Path

WEIGHTS = Path(__file__).with_name("watermark_cnn.safetensors")
# Watermarks are thin: a picture is only shrunk when it has more pixels than this, and enlarged
# only to the shortest side.
MOST_PIXELS = 384 * 384
SHORTEST, LONGEST = 32, 2048
PREPROCESSING = f"rgb at most {MOST_PIXELS} pixels, sides {SHORTEST} to {LONGEST}, INTER_AREA"


def sha256(file: Path = WEIGHTS) -> str:
    """What tells these weights from others."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
