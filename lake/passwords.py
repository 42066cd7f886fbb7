"""Takes passwords, keys and signatures out of texts that land in the lake or are printed."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

# Between `//` and the last @ before the path. Browsers take `\` for `/`, and one of them or none.
# All of these take time that grows as the text does, whatever it is.
_LOGIN = re.compile(
    r"((?:\b([a-z][a-z0-9+.-]{0,20}):)?[/\\]{2}|\b(?:https?|ftps?|sftp):[/\\]?)([^\s/?#\\]{0,1000})@",
    re.IGNORECASE,
)
# A `/`, `?` or `#` within a password, which should be escaped: what follows the colon is no port.
_BROKEN_LOGIN = re.compile(
    r"(?<=//)[^\s/?#@:\[\]\\]{1,1000}:(?!\d{0,5}(?:[/?#\s\\]|$))[^\s@]{0,200}@"
)
# Azure's, where a container stands in the place of the user.
_CONTAINERS = ("abfs", "abfss", "wasb", "wasbs")

_PARAMETERS = re.compile(r"[?&;#][^\s\"<>]*")
_SEPARATOR = re.compile("([?&;#])")
_NO_LETTER = re.compile("[^a-z0-9]")
# By their names, in small letters and digits alone. What a signature is made of changes with it:
# those of Amazon, Google, Alibaba, Huawei and Tencent begin so,
_SIGNING = re.compile("x(?:amz|goog|oss|obs|cos)|q(?:signalgorithm|ak|signtime|keytime|headerlist)")
# others contain it,
_SECRET = re.compile(
    "access(?:id|key)|apikey|authkey|authori[sz]ation|credential|jwt|passw|secret|sess(?:ion)?id"
    "|signature|token"
)
# or are it.
_WHOLE = frozenset(
    {
        *("auth", "gda", "hdnea", "hdntl", "hdnts", "hmac", "keypairid", "pass", "pwd"),
        *("qsignature", "qurlparamlist", "rlkey", "sig", "sign"),
    }
)
# What is known by its form, under whatever name: tokens (JWT), keys of Google, Amazon and others.
_KNOWN = re.compile(
    r"eyJ[\w-]{8,}\.[\w-]+\.|AIza[\w-]{35}|(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|(?:gh[pousr]_|github_pat_|glpat-|hf_|xox[abprs]-)\w{10}"
)
# What stands beside a signature, and tells no two files apart; the short ones are Azure's.
_BESIDE = frozenset(
    {
        *("algorithm", "e", "exp", "expire", "expires", "expiry", "hashalgorithm", "keyname"),
        *("policy", "se", "si", "sip", "ske", "skoid", "sks", "skt", "sktid", "skv", "sp", "spr"),
        *("sr", "srt", "ss", "st", "sv", "urlprefix"),
    }
)
# In the headers of a request or an answer, as an error may print them: up to a quotation mark.
_HEADER = re.compile(
    r"\b((?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]{0,40}(?:key|token))"
    r"(['\"]?\s?[:=,]\s?['\"]?)[^'\"\r\n]+",
    re.IGNORECASE,
)
_MAX_DEPTH = 3


def without_passwords(text: str) -> str:
    """`text` with what gives access taken out of the URLs and the headers in it.

    That is the login before a host, and parameters that are a password, a token, a key or a
    signature, with those that a signature is made of: two signatures of a file have one text.
    """
    return _without(text, 0)


def without_login(url: str) -> str:
    """A URL without the user and the password in it."""
    login = _LOGIN.match(url) if "@" in url else None
    return _place_alone(login) + url[login.end() :] if login else url


def has_login(url: str) -> bool:
    """Whether a URL holds a user, with or without a password."""
    login = _LOGIN.match(url) if "@" in url else None
    return login is not None and bool(login[3])


def _without(text: str, depth: int) -> str:
    if "@" in text:
        text = _BROKEN_LOGIN.sub("", _LOGIN.sub(_place_alone, text))
    if "=" in text:
        text = _PARAMETERS.sub(lambda found: _kept(found[0], depth), text)
    return _HEADER.sub(r"\1\2…", text)


def _place_alone(login: re.Match[str]) -> str:
    start, scheme, user = login.groups()
    is_container = (scheme or "").lower() in _CONTAINERS and ":" not in user
    return login[0] if is_container else start


def _kept(parameters: str, depth: int) -> str:
    """The parameters of a URL, from their first separator on, without those that give access."""
    first, *rest = _SEPARATOR.split(parameters)[1:]
    found = list(zip([first, *rest[1::2]], rest[::2], strict=True))
    names = [_name(parameter) for _, parameter in found]
    secret = [
        _is_secret(name, parameter) for name, (_, parameter) in zip(names, found, strict=True)
    ]
    is_signed = any(secret)
    kept = ""
    is_within = False
    for name, is_it, (separator, parameter) in zip(names, secret, found, strict=True):
        # What follows without a name may be the rest of a password.
        is_within = is_it or (is_within and separator != "&" and "=" not in parameter)
        if not is_within and not (is_signed and name in _BESIDE):
            starts = first if not kept and separator == "&" else separator
            kept += starts + _within(parameter, depth)
    return kept


def _name(parameter: str) -> str:
    name = parameter.partition("=")[0] if "=" in parameter else ""
    return _NO_LETTER.sub("", unquote(name).lower())


def _is_secret(name: str, parameter: str) -> bool:
    is_named = _SIGNING.match(name) or _SECRET.search(name) or name in _WHOLE
    return bool(name) and bool(is_named or _KNOWN.match(parameter.partition("=")[2]))


def _within(parameter: str, depth: int) -> str:
    """The same without what a URL holds that is its value, escaped."""
    name, is_one, value = parameter.partition("=")
    plain = unquote(value) if "%" in value and depth < _MAX_DEPTH else value
    if plain == value:
        return parameter
    bare = _without(plain, depth + 1)
    return parameter if bare == plain else f"{name}{is_one}{quote(bare, safe='')}"
