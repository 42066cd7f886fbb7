"""Pictures that kill or hold up their decoder cost themselves, and nobody else."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from pairlake.ingest.images import decoders, pixels
from pairlake.ingest.images.decoders import Decoders
from pairlake.ingest.images.picture import TOO_HUNGRY, Picture, Unusable
from tests.ingest.drawn import JPEG, encoded

KILLER = b"kill the decoder"
SPINNER = b"hold the decoder up"
WAITER = b"wait for a processor"


def deadly(body: bytes, side: int) -> Picture | Unusable:
    """Stands for a decoder with a bug that the picture hits."""
    if body == KILLER:
        os.kill(os.getpid(), signal.SIGSEGV)
    if body in (SPINNER, WAITER):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(decoders, "DECODE_SECONDS", 0.2)
            patch.setattr(pixels, "prepare", hold_up)
            return real(body, side)
    return real(body, side)


def hold_up(body: bytes, side: int) -> Unusable:
    if body == WAITER:
        time.sleep(0.6)
    while body == SPINNER:
        pass
    return WAITED


WAITED = Unusable(outcome="failed", error="it has waited")
real: Callable[[bytes, int], Picture | Unusable] = decoders._prepare_in_time


def prepare_all(*bodies: bytes) -> list[Picture | Unusable]:
    async def run() -> list[Picture | Unusable]:
        pool = Decoders(side=32)
        try:
            return await asyncio.gather(*(pool.prepare(body) for body in bodies))
        finally:
            pool.close()

    return asyncio.run(run())


def test_pictures_are_decoded_elsewhere() -> None:
    picture, broken, foreign = prepare_all(JPEG, JPEG[:-50], b"<svg >")
    assert isinstance(picture, Picture)
    assert picture.kept_height == 32
    assert isinstance(broken, Unusable)
    assert broken.outcome == "corrupt_image"
    assert isinstance(foreign, Unusable)
    assert foreign.outcome == "unsupported_format"


def test_a_picture_that_kills_its_decoder_is_corrupt_and_the_others_arrive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoders, "_prepare_in_time", deadly)
    first, killer, spinner, last = prepare_all(JPEG, KILLER, SPINNER, JPEG)
    assert isinstance(first, Picture)
    assert isinstance(last, Picture)
    died = Unusable(outcome="corrupt_image", error="the decoder died of it", is_deadly=True)
    assert (killer, spinner) == (died, died)


def test_pictures_that_wait_together_arrive_whatever_their_number_and_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoders, "_prepare_in_time", deadly)
    large = JPEG + bytes(decoders.MOST_BYTES_TOGETHER)
    crowd = [JPEG, large] * (2 * decoders.MOST_TOGETHER)
    *found, killer = prepare_all(*crowd, KILLER)
    assert all(isinstance(picture, Picture) for picture in found)
    assert isinstance(killer, Unusable)


def test_a_picture_that_has_to_wait_for_a_processor_does_not_die_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoders, "_prepare_in_time", deadly)
    assert prepare_all(WAITER) == [WAITED]


def test_a_picture_that_takes_too_much_memory_costs_itself_and_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoders, "MOST_MEMORY_BYTES", 64_000_000)
    huge = Image.new("RGB", (5_000, 5_000), "red")
    *hungry, fine = prepare_all(encoded(huge, "PNG"), encoded(huge, "GIF"), JPEG)
    assert hungry == [TOO_HUNGRY] * 2
    assert TOO_HUNGRY.is_deadly
    assert isinstance(fine, Picture)


def test_decoders_share_half_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "machine_memory", lambda: 4_000_000_000)
    pool = Decoders(side=32, processes=4 * (os.cpu_count() or 1))
    assert pool.memory_bytes * pool._processes == 2_000_000_000
    pool.close()


def test_decoders_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import asyncio, os, sys\n"
        "from pairlake.ingest.images.decoders import Decoders\n"
        "async def main():\n"
        "    pool = Decoders(side=32)\n"
        "    await pool.prepare(b'')\n"
        "    print(*pool._pool._processes, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "if __name__ == '__main__':\n"
        "    asyncio.run(main())\n"
    )
    killed = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)
    processes = [int(word) for word in killed.stdout.split()]
    assert processes
    while any(_lives(process) for process in processes):
        time.sleep(0.02)


def _lives(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return False
