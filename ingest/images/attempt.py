"""What came of one attempt at one image: its row in the lake, and the picture if there is one."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pairlake.ingest.images.blocked import Blocked
from pairlake.ingest.images.decoders import Decoders
from pairlake.ingest.images.optout import Refusal, Wish
from pairlake.ingest.images.picture import Picture
from pairlake.lake.errors import as_text
from pairlake.lake.keys import image_id


@dataclass(kw_only=True)
class Download:
    """One attempt at one URL: what raw.downloads keeps of it, and the picture if there is one.

    `bytes` counts the body that was read whole; md5 and sha256 are of it, undecoded.
    """

    url_id: uuid.UUID
    attempted_at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None))
    outcome: str = "ok"
    error: str | None = None
    http_status: int | None = None
    final_url: str | None = None
    content_type: str | None = None
    elapsed_ms: int = 0
    md5: uuid.UUID | None = None
    sha256: bytes | None = None
    opt_out_evidence: str | None = None
    # Rows of their own: what the sites on the way say of the image's use; and whether the answer
    # that has the image has been heard too.
    wishes: list[Wish] = field(default_factory=list)
    is_heard: bool = False
    # Not of the row, but of what the last site that was asked wants: its URL, whether it is to be
    # left in peace and for how long, seconds between two images.
    asked: str = ""
    wants_break: bool = False
    retry_after_s: float = 0.0
    delay_s: float = 0.0
    # Whether anything answered, be it no HTTP; and whether that broke off before its end.
    is_answered: bool = False
    is_cut: bool = False
    picture: Picture | None = None
    # Last, since it hides the type of that name from the fields after it.
    bytes: int | None = None

    @property
    def image_id(self) -> uuid.UUID | None:
        """Key of the image that arrived; None unless it decoded."""
        return image_id(self.sha256) if self.picture and self.sha256 else None

    def fail(self, outcome: str, error: str) -> None:
        """Note that the attempt came to `outcome`, and why; of what was cut off, that it was."""
        if self.is_cut:
            outcome, error = "connection_error", f"the answer was cut off: {error}"
        self.outcome, self.error = outcome, as_text(error)

    @property
    def is_reached(self) -> bool:
        """Whether the host that was asked works, whatever it said."""
        if self.outcome == "timeout":
            return False
        return self.is_answered or self.outcome not in ("connection_error", "robots_unreachable")


class Failed(Exception):
    """The attempt ends here, with this outcome."""

    def __init__(self, outcome: str, error: str) -> None:
        super().__init__(error)
        self.outcome = outcome


def refuse(refusal: Refusal | None, download: Download) -> None:
    """Raise Failed where an image is left out by its site's wish, and keep the evidence."""
    if refusal is not None:
        download.opt_out_evidence = refusal.evidence
        raise Failed(refusal.outcome, "its site refuses all uses that it is wanted for")


async def judge(body: bytes, download: Download, decoders: Decoders, blocked: Blocked) -> None:
    """Hash what arrived, and decode it unless it is not to be kept."""
    download.bytes = len(body)
    download.md5 = uuid.UUID(bytes=hashlib.md5(body, usedforsecurity=False).digest())
    download.sha256 = hashlib.sha256(body).digest()
    if download.md5.bytes in blocked or download.sha256[:16] in blocked:
        raise Failed("blocked", "the picture is not to be kept, by request or by a hash list")
    result = await decoders.prepare(body)
    if isinstance(result, Picture):
        download.picture = result
    else:
        # Whoever serves such pictures has to wait with the next.
        download.wants_break |= result.is_deadly
        raise Failed(result.outcome, result.error)
