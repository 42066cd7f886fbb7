"""What pictures say of their use lands with their download, exactly as it was planted."""

from __future__ import annotations

import hashlib
import uuid

import pytest

from pairlake.lake.catalog import connect
from pairlake.lake.keys import image_id
from tests.ingest.conftest import Web
from tests.ingest.fetching import fetch_all, rows
from tests.ingest.marked import CAPTURED, DATA_MINING, PLAIN, packet, signed, with_xmp

Rows = set[tuple[uuid.UUID, str, str, str]]


def key(body: bytes) -> uuid.UUID:
    found = image_id(hashlib.sha256(body).digest())
    assert found is not None
    return found


def landed() -> Rows:
    query = "select image_id, carrier, property, value from lake.raw.image_rights"
    found = rows(query)
    assert len(found) == len(set(found))
    return set(found)


def test_all_values_in_all_carriers_are_found_exactly(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRLAKE_FETCH_MAX_BYTES", "1000000")
    planted: dict[bytes, set[tuple[str, str, str]]] = {body: set() for body in PLAIN.values()}
    for value in DATA_MINING:
        for kind in ("jpeg", "png", "webp", "gif"):
            planted[with_xmp(kind, packet(plus_DataMining=value))] = {
                ("xmp", "plus:DataMining", value)
            }
    for use in ("data_mining", "ai_inference", "ai_training", "ai_generative_training"):
        for says in ("allowed", "notAllowed", "constrained"):
            entries = {f"cawg.{use}": {"use": says}}
            body = signed("jpeg", {"cawg.training-mining": {"entries": entries}})
            planted[body] = {
                ("c2pa", "validation_state", "Valid"),
                ("c2pa", "signature_info/issuer", "Somebody"),
                ("c2pa", "claim_generator_info/name", "tests"),
                ("c2pa", "c2pa.actions/digitalSourceType", CAPTURED),
                ("c2pa", f"cawg.training-mining/cawg.{use}", says),
            }
    urls = [site.serve(f"/{number}", body) for number, body in enumerate(planted)]
    assert fetch_all(*urls).images == len(planted)
    assert landed() == {(key(body), *right) for body, said in planted.items() for right in said}
    # Nothing but the pictures was asked for, once each.
    assert sorted(site.asked) == sorted(f"/{number}" for number in range(len(planted)))


def test_rights_land_once_and_where_an_older_version_did_not_read_them(site: Web) -> None:
    one, two = (with_xmp("jpeg", packet(dc_rights=text)) for text in ("© Ann", "© Bea"))
    urls = [site.serve(f"/{number}", body) for number, body in enumerate((one, two, one))]
    assert fetch_all(*urls).images == 2
    said = {(key(one), "xmp", "dc:rights", "© Ann"), (key(two), "xmp", "dc:rights", "© Bea")}
    assert landed() == said
    with connect() as con:
        con.execute("delete from lake.raw.image_rights where value = '© Ann'")
    assert fetch_all(*urls).images == 0
    assert landed() == said
    assert rows(
        "select count(*) from lake.raw.image_rights "
        "where heard_at in (select attempted_at from lake.raw.downloads) and not is_cut"
    ) == [(2,)]


def test_of_what_is_no_picture_nothing_lands(site: Web) -> None:
    body = with_xmp("jpeg", packet(dc_rights="© Ann"))
    fetch_all(site.serve("/cut", body[:-40]))
    assert rows("select outcome from lake.raw.downloads") == [("corrupt_image",)]
    assert landed() == set()
