"""Reads C2PA manifests, by c2pa-python, without a network: a picture may name URLs."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from pairlake.ingest.images.rights.names import METADATA, TRAINING

if TYPE_CHECKING:
    from c2pa import Context

# A manifest that lies elsewhere, whether a certificate is revoked, and who somebody is would be
# asked for; the hosts that may be asked are none. The others are what verifying is against: a list
# of whom to trust, which is not ours to make.
SETTINGS: Mapping[str, Mapping[str, object]] = {
    "core": {
        "allowed_network_hosts": [],
        "allow_redirects": False,
        "decode_identity_assertions": False,
        "max_decompressed_manifest_size_in_mb": 1,
    },
    "verify": {
        "ocsp_fetch": False,
        "remote_manifest_fetch": False,
        "verify_timestamp_trust": False,
        "verify_trust": False,
    },
}
# Of several assertions of a kind, the later ones are numbered.
_NUMBER = re.compile(r"__\d+$")


def in_manifests(body: bytes, kind: str) -> Iterator[tuple[str, str, str]]:
    """Carriers, properties and values of a picture's manifests.

    The carrier is `c2pa` for the picture's own manifest, and `c2pa_ingredient` for those of what it
    was made from. `validation_state` says whether the former holds: what it signs is as it was.
    """
    from c2pa import Reader

    with Reader(f"image/{kind}", io.BytesIO(body), context=_context()) as reader:
        store = json.loads(reader.json())
    yield "c2pa", "validation_state", store.get("validation_state", "")
    for label, manifest in store["manifests"].items():
        carrier = "c2pa" if label == store["active_manifest"] else "c2pa_ingredient"
        for name, value in _in_manifest(manifest):
            yield carrier, name, value


@cache
def _context() -> Context:
    # Here alone, since few pictures have a manifest, and it takes a twentieth of a second.
    from c2pa import Context

    return Context.from_dict({name: dict(values) for name, values in SETTINGS.items()})


def _in_manifest(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "signature_info/issuer", manifest.get("signature_info", {}).get("issuer", "")
    yield "claim_generator", manifest.get("claim_generator", "")
    for generator in manifest.get("claim_generator_info", []):
        yield "claim_generator_info/name", generator.get("name", "")
    for assertion in manifest.get("assertions", []):
        label, data = _NUMBER.sub("", assertion["label"]), assertion["data"]
        if label.startswith("c2pa.actions"):
            yield from _in_actions(data)
        elif label.endswith(".training-mining"):
            yield from _in_entries(label, data)
        elif isinstance(data, dict):
            for name, value in data.items():
                if name in METADATA:
                    yield from ((name, text) for text in _texts(value))


def _in_actions(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for action in data["actions"]:
        yield "c2pa.actions/digitalSourceType", action.get("digitalSourceType", "")
        agent = action.get("softwareAgent", "")
        yield "c2pa.actions/softwareAgent", agent["name"] if isinstance(agent, dict) else agent


def _in_entries(label: str, data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for use, entry in data["entries"].items():
        name = f"{label}/{use}"
        if name in TRAINING:
            yield name, entry["use"]
            yield f"{name}/constraint_info", entry.get("constraint_info", "")


def _texts(value: object) -> Iterator[str]:
    """The texts in a value of JSON-LD: one, a list, or one for each language."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
