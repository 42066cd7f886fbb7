"""C2PA manifests are read as they were signed, and whatever URLs they name, none is asked."""

from __future__ import annotations

import io

import c2pa
import pytest

from pairlake.ingest.images.rights.credentials import SETTINGS, in_manifests
from pairlake.ingest.images.rights.read import rights_in
from tests.ingest.marked import CAPTURED, DATA_MINING, PLAIN, signed
from tests.ingest.raw import raw_web

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
# Of each standard, its own words.
CAWG = {
    "cawg.data_mining": {"use": "allowed"},
    "cawg.ai_inference": {"use": "notAllowed"},
    "cawg.ai_training": {"use": "constrained", "constraint_info": "https://owner.example/ask"},
    "cawg.ai_generative_training": {"use": "constrained"},
}
OLDER = {
    "c2pa.data_mining": {"use": "notAllowed"},
    "c2pa.ai_inference": {"use": "allowed"},
    "c2pa.ai_training": {"use": "notAllowed"},
    "c2pa.ai_generative_training": {"use": "notAllowed"},
}
ENTRIES = {
    f"{label}/{use}{field}": value
    for label, entries in (("cawg.training-mining", CAWG), ("c2pa.training-mining", OLDER))
    for use, entry in entries.items()
    for field, value in (
        ("", entry["use"]),
        ("/constraint_info", entry.get("constraint_info")),
    )
    if value
}
ALWAYS = {
    "validation_state": "Valid",
    "signature_info/issuer": "Somebody",
    "claim_generator_info/name": "tests",
    "c2pa.actions/digitalSourceType": CAPTURED,
}


def said(body: bytes, kind: str = "jpeg") -> list[tuple[str, str, str]]:
    return [right[:3] for right in rights_in(body, kind)]


def of(carrier: str, *properties: dict[str, str]) -> list[tuple[str, str, str]]:
    return [(carrier, name, value) for said in properties for name, value in said.items()]


@pytest.mark.parametrize("kind", PLAIN)
def test_wishes_on_training_and_mining_are_found_in_every_format(kind: str) -> None:
    body = signed(
        kind,
        {
            "cawg.training-mining": {"entries": CAWG | {"of.another": {"use": "notAllowed"}}},
            "c2pa.training-mining": {"entries": OLDER},
        },
    )
    assert sorted(said(body, kind)) == sorted(of("c2pa", ALWAYS, ENTRIES))


def test_origin_is_told_by_actions_and_metadata() -> None:
    created = {"action": "c2pa.created", "digitalSourceType": TRAINED}
    body = signed(
        "png",
        {
            "c2pa.actions": {"actions": [created | {"softwareAgent": {"name": "A painter"}}]},
            "cawg.metadata": {
                "@context": {
                    "dc": "http://purl.org/dc/elements/1.1/",
                    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
                },
                "plus:DataMining": DATA_MINING[2],
                "dc:creator": ["Ann", "Bea"],
                "dc:rights": {"x-default": "© Ann"},
            },
        },
    )
    told = ALWAYS | {
        "c2pa.actions/digitalSourceType": TRAINED,
        "c2pa.actions/softwareAgent": "A painter",
        "plus:DataMining": DATA_MINING[2],
        "dc:rights": "© Ann",
    }
    creators = of("c2pa", {"dc:creator": "Ann"}, {"dc:creator": "Bea"})
    assert sorted(said(body, "png")) == sorted(of("c2pa", told) + creators)


def test_what_a_picture_was_made_from_speaks_as_such() -> None:
    part = signed("jpeg", {"cawg.training-mining": {"entries": CAWG}})
    found = said(signed("jpeg", {}, made_from=[part]))
    of_cawg = {name: value for name, value in ENTRIES.items() if name.startswith("cawg")}
    assert set(of("c2pa_ingredient", of_cawg)) <= set(found)
    assert not [name for carrier, name, _ in found if carrier == "c2pa" and "training" in name]


def test_a_manifest_of_other_pixels_is_heard_and_invalid() -> None:
    body = signed("jpeg", {"cawg.training-mining": {"entries": CAWG}})
    changed = body[:-20] + bytes([body[-20] ^ 1]) + body[-19:]
    assert ("c2pa", "validation_state", "Invalid") in said(changed)
    assert set(said(changed)) - set(said(body)) == {("c2pa", "validation_state", "Invalid")}


@pytest.mark.parametrize("kind", PLAIN)
def test_a_manifest_without_its_signature_is_unreadable(kind: str) -> None:
    body = signed(kind, {"cawg.training-mining": {"entries": CAWG}})
    # The box of the signature is none any more.
    broken = body.replace(b"jumdc2cs", b"jumbc2cs")
    assert broken != body
    [(carrier, name, reason)] = said(broken, kind)
    assert (carrier, name) == ("c2pa", "unreadable")
    assert reason


def test_no_url_that_a_picture_names_is_asked() -> None:
    with raw_web() as web:
        elsewhere = signed("jpeg", {}, manifest_at=f"{web.url}/manifest")
        revocable = signed("jpeg", {}, asks=f"{web.url}/revoked")
        assert said(elsewhere) == [("xmp", "dcterms:provenance", f"{web.url}/manifest")]
        assert said(revocable) == of("c2pa", ALWAYS)
        # Not even if the picture is taken for one that has a manifest.
        with pytest.raises(c2pa.C2paError, match="must fetch remote manifests"):
            list(in_manifests(elsewhere, "jpeg"))
        assert web.asked == []

        # The library would, by itself or when told.
        for body, settings in ((elsewhere, {}), (revocable, {"verify": {"ocsp_fetch": True}})):
            asked = len(web.asked)
            try:
                _read(body, settings)
            except c2pa.C2paError as error:
                assert "404" in str(error)  # noqa: PT017 - of one it is an error, of one it is not
            assert len(web.asked) > asked, settings


def test_whatever_is_asked_for_no_host_may_be() -> None:
    """So a question for which there is no switch yet has nobody to go to."""
    with raw_web() as web:
        elsewhere = signed("jpeg", {}, manifest_at=f"{web.url}/manifest")
        verify = SETTINGS["verify"] | {"remote_manifest_fetch": True}
        with pytest.raises(c2pa.C2paError, match="not permitted by the allowed list"):
            _read(elsewhere, {"core": SETTINGS["core"], "verify": verify})
        assert web.asked == []


def _read(body: bytes, settings: dict[str, object]) -> None:
    with c2pa.Reader("image/jpeg", io.BytesIO(body), context=c2pa.Context.from_dict(settings)):
        pass
