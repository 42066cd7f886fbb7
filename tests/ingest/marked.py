"""Pictures that say in their own bytes how they may be used, as owners and programs write them."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from tests.ingest.drawn import encoded, noise

VOCABULARY = "http://ns.useplus.org/ldf/vocab/"
# All values of plus:DataMining.
DATA_MINING = [
    VOCABULARY + value
    for value in (
        "DMI-UNSPECIFIED",
        "DMI-ALLOWED",
        "DMI-PROHIBITED",
        "DMI-PROHIBITED-AIMLTRAINING",
        "DMI-PROHIBITED-GENAIMLTRAINING",
        "DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING",
        "DMI-PROHIBITED-SEECONSTRAINT",
        "DMI-PROHIBITED-SEEEMBEDDEDRIGHTSEXPR",
        "DMI-PROHIBITED-SEELINKEDRIGHTSEXPR",
    )
]
CAPTURED = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
PLAIN = {kind: encoded(noise(96, 64), kind) for kind in ("jpeg", "png", "webp", "gif", "avif")}

_NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "cc": "http://creativecommons.org/ns#",
}


def packet(described: str = "", **attributes: str) -> bytes:
    """An XMP packet with properties as elements, and as attributes with `_` for `:`."""
    spaces = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in _NAMESPACES.items())
    given = "".join(f' {name.replace("_", ":")}="{text}"' for name, text in attributes.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF{spaces}>'
        f'<rdf:Description rdf:about=""{given}>{described}</rdf:Description>'
        f"</rdf:RDF></x:xmpmeta>\n{' ' * 100}\n"
        '<?xpacket end="w"?>'
    ).encode()


def with_xmp(kind: str, xmp: bytes) -> bytes:
    """A picture of a kind with a packet where the kind has it."""
    if kind == "gif":
        trailer = b"\1" + bytes(range(255, -1, -1)) + b"\0"
        return with_extension(b"\x0bXMP DataXMP" + xmp + trailer)
    if kind == "png":
        return with_chunks((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp))
    return encoded(noise(96, 64), kind, xmp=xmp)


def with_segments(*segments: tuple[int, bytes]) -> bytes:
    """A JPEG with segments, by their markers."""
    parts = (struct.pack(">BBH", 0xFF, marker, 2 + len(text)) + text for marker, text in segments)
    return PLAIN["jpeg"][:2] + b"".join(parts) + PLAIN["jpeg"][2:]


def with_chunks(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with chunks, by their kinds."""
    parts = (
        struct.pack(">I4s", len(content), kind) + content + zlib.crc32(kind + content).to_bytes(4)
        for kind, content in chunks
    )
    return PLAIN["png"][:33] + b"".join(parts) + PLAIN["png"][33:]


def with_extension(content: bytes) -> bytes:
    """A GIF with an application extension before its first frame."""
    plain = PLAIN["gif"]
    colours = 13 + 3 * 2 ** (1 + plain[10] % 8)
    return plain[:colours] + b"!\xff" + content + plain[colours:]


def signed(
    kind: str,
    assertions: Mapping[str, object],
    *,
    asks: str | None = None,
    manifest_at: str | None = None,
    made_from: Sequence[bytes] = (),
    body: bytes | None = None,
) -> bytes:
    """A picture with a C2PA manifest, signed by "Somebody", whom nobody trusts.

    `asks` is where its certificate has it that revocation is asked for; `manifest_at` the URL at
    which its manifest lies, and not in the picture.
    """
    # Every manifest has to say how the picture came to be.
    created = {"actions": [{"action": "c2pa.created", "digitalSourceType": CAPTURED}]}
    manifest = {
        "claim_generator_info": [{"name": "tests"}],
        "assertions": [
            {"label": label, "data": data}
            for label, data in ({"c2pa.actions": created} | dict(assertions)).items()
        ],
    }
    chain, key = _certificates(asks)
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", chain, key, None))
    quiet = {"verify": {"verify_after_sign": False}, "builder": {"thumbnail": {"enabled": False}}}
    builder = c2pa.Builder(json.dumps(manifest), context=c2pa.Context.from_dict(quiet))
    if manifest_at:
        builder.set_no_embed()
        builder.set_remote_url(manifest_at)
    for number, part in enumerate(made_from):
        ingredient = {"title": f"part {number}", "relationship": "componentOf"}
        builder.add_ingredient(json.dumps(ingredient), "image/jpeg", io.BytesIO(part))
    made = io.BytesIO()
    builder.sign(signer, f"image/{kind}", io.BytesIO(body or PLAIN[kind]), made)
    return made.getvalue()


@cache
def _certificates(asks: str | None) -> tuple[bytes, bytes]:
    """A chain and the key of its end, in PEM."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _certificate("Root", root_key, "Root", root_key, is_root=True)
    end = _certificate("Somebody", key, "Root", root_key, is_root=False, asks=asks)
    chain = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in (end, root))
    return chain, key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    signer: ec.EllipticCurvePrivateKey,
    *,
    is_root: bool,
    asks: str | None = None,
) -> x509.Certificate:
    now = datetime.now(UTC)
    subject, by = (
        x509.Name([x509.NameAttribute(oid, who) for oid in (NameOID.ORGANIZATION_NAME, _COMMON)])
        for who in (name, issuer)
    )
    usage = dict.fromkeys(_USES, False)
    usage |= {"key_cert_sign": is_root, "crl_sign": is_root, "digital_signature": not is_root}
    certificate = (
        x509.CertificateBuilder(by, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(is_root, None), True)
        .add_extension(x509.KeyUsage(**usage), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False
        )
    )
    if not is_root:
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        certificate = certificate.add_extension(purposes, False)
    if asks:
        place = x509.AccessDescription(
            AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(asks)
        )
        certificate = certificate.add_extension(x509.AuthorityInformationAccess([place]), False)
    return certificate.sign(signer, hashes.SHA256())


_COMMON = NameOID.COMMON_NAME
_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
