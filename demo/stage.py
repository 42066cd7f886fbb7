"""Where the demo's world, lake and model are, as settings for every other command.

`pairlake demo --env` prints them for a shell.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pairlake.demo.web import base_url, serving_on
from pairlake.demo.world import World, build_world, world_from_folder
from pairlake.lake.errors import BadRequest
from pairlake.lake.locks import alone
from pairlake.lake.ports import listening
from pairlake.lake.project import ROOT, data_folder
from pairlake.lake.settings import settings

CAPTIONS = "captions_by_language.json"
# A third of the drawings: every kind of case is there, and so is what the report searches for.
PICTURES = 642


def environment(pictures: Path | None) -> dict[str, str]:
    """The settings under which the demo runs; one that is already set stays as it is."""
    name = "demo" if pictures is None else f"demo-{pictures.expanduser().absolute().name}"
    port = os.environ.get("PAIRLAKE_DEMO_PORT", str(settings().demo_port))
    wanted = {
        "PAIRLAKE_HOME": str(data_folder() / name),
        "PAIRLAKE_RECIPE": "demo",
        "PAIRLAKE_MODELS": str(ROOT / "demo"),
        "PAIRLAKE_CRAWL_ROOT": base_url(int(port)),
        "PAIRLAKE_ALLOW_NETWORKS": "127.0.0.0/8",
        "PAIRLAKE_USER_AGENT": "pairlake-demo/0.1 (loopback only; you@localhost)",
        # So few rows are read twice as fast by one thread: others wait for work at full speed.
        "PAIRLAKE_THREADS": "1",
        # It is our own server, and one domain.
        "PAIRLAKE_FETCH_DOMAIN_CONCURRENCY": "64",
        "PAIRLAKE_FETCH_DOMAIN_DELAY_S": "0",
        # The demo's slow pictures would be waited for, and on loopback nothing else is slow.
        "PAIRLAKE_FETCH_TIMEOUT_S": "5",
    }
    return {name: os.environ.get(name, value) for name, value in wanted.items()}


@contextmanager
def world_served(pictures: Path | None) -> Iterator[World]:
    """The world as `prepare_world` makes it, served while the block runs.

    Its port is opened first, for the world takes a while. Raises PortInUse where that is taken, and
    BadRequest where another demo is at work in HOME: its world would go.
    """
    busy = BadRequest(
        f"Another pairlake demo is at work in {settings().home}; wait until it has ended, "
        "or choose another folder with PAIRLAKE_HOME."
    )
    with (
        listening(settings().demo_port, "PAIRLAKE_DEMO_PORT") as listener,
        alone(settings().home / "world.lock", busy),
    ):
        world = prepare_world(pictures)
        with serving_on(listener, world.folder):
            yield world


def prepare_world(pictures: Path | None) -> World:
    """The world of OpenMoji drawings, or of a folder of pictures with captions in a JSON file.

    It stands in HOME/world and is built once. Raises BadRequest if the folder lacks the captions
    or a picture.
    """
    folder, root = settings().home / "world", base_url(settings().demo_port)
    if pictures is None:
        return build_world(folder, root, PICTURES)
    captions = pictures.expanduser() / CAPTIONS
    if not captions.is_file():
        raise BadRequest(
            f"{pictures} holds no {CAPTIONS}: a list of [path of a picture, {{locale: caption}}]."
        )
    try:
        return world_from_folder(pictures.expanduser(), captions, folder, root)
    except FileNotFoundError as error:
        raise BadRequest(
            f"{captions} names pictures that are not in {pictures}, such as {error.filename}."
        ) from error
