"""Names the properties that are read, each as its standard spells it."""

from __future__ import annotations

# By namespace, with the prefix that its standard writes it with.
_XMP = {
    "http://ns.useplus.org/ldf/xmp/1.0/ plus": ("DataMining", "OtherConstraints", "LicensorURL"),
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/ Iptc4xmpExt": (
        "DigitalSourceType",
        "AISystemUsed",
        "AISystemVersionUsed",
        "AIPromptInformation",
        "AIPromptWriterName",
        # To these DataMining may point.
        "EncRightsExpr",
        "LinkedRightsExpr",
    ),
    "http://ns.adobe.com/xap/1.0/rights/ xmpRights": ("Marked", "WebStatement", "UsageTerms"),
    "http://purl.org/dc/elements/1.1/ dc": ("creator", "rights"),
    # Where the manifest of a picture lies that does not carry it.
    "http://purl.org/dc/terms/ dcterms": ("provenance",),
    "http://ns.adobe.com/photoshop/1.0/ photoshop": ("Credit",),
    "http://creativecommons.org/ns# cc": ("license",),
}

# As expat gives them, a namespace, a blank and a name: `plus:DataMining` and its like.
XMP = {
    f"{namespace} {name}": f"{prefix}:{name}"
    for (namespace, prefix), names in ((key.split(" "), names) for key, names in _XMP.items())
    for name in names
}
# As JSON-LD in a C2PA manifest writes them.
METADATA = frozenset(XMP.values())

# Keywords of texts in a PNG: those of its standard, and those under which Stable Diffusion web UI,
# ComfyUI and InvokeAI keep how they made a picture.
PNG_TEXTS = frozenset(
    {
        *("Author", "Copyright", "Disclaimer"),
        *("parameters", "prompt", "workflow"),
        *("invokeai_metadata", "sd-metadata", "Dream"),
    }
)

# Assertions on training and mining, and what their entries speak of.
TRAINING = frozenset(
    f"{label}/{prefix}.{use}"
    for label, prefix in (("cawg.training-mining", "cawg"), ("c2pa.training-mining", "c2pa"))
    for use in ("data_mining", "ai_inference", "ai_training", "ai_generative_training")
)
