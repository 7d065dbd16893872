"""Take secrets out of text: known ones by their value, in whatever encoding, and whatever looks like one. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote, urlsplit

GONE = "[secret]"
# A shorter one would be found in every second word; preflight refuses such passwords.
SHORTEST = 4
# Variables whose values are nobody's to know, in .env and wherever a program prints its environment.
_NAMES = (
    r"[A-Za-z0-9_.-]*"
    r"(?:PASSW(?:OR)?D|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|_KEY|APIKEY|NOTIFY_URLS|HEARTBEAT_URL)"
    r"[A-Za-z0-9_]*"
)
SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
# NAME=value, "name": "value", name: value; of what is empty, and of a file's path, nothing is taken out.
_ASSIGNED = (
    rf"""(?<![A-Za-z0-9_.-])((?!{_NAMES}_FILE){_NAMES}"?[ \t]*[=:][ \t]*)(?!\s|/run/|""|''|null|true|false)"""
    r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[^\s,;}\]]+)"""
)
_SESSION = r"((?:x-ftl-sid|x-ftl-csrf|\bsid|\bcsrf|cookie)\W{1,5})[^\s\"',;&]{8,}"
_PRIVATE_KEY = r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)"
# Addresses that say where something is, and not who may use it.
_PLAIN_SCHEMES = r"(?!https?:|unix:|tcp:|udp:|file:|git:|ssh:)"
# Words of a URL that say nothing about its owner.
_PUBLIC_WORDS = frozenset(["hooks", "services", "webhook", "webhooks", "message", "localhost", "127.0.0.1"])
_LOOKS = tuple(
    (re.compile(pattern, flags), gone)
    for pattern, flags, gone in (
        (_PRIVATE_KEY, re.DOTALL, GONE),
        (_ASSIGNED, re.IGNORECASE, rf"\1{GONE}"),
        (r"(authorization\W{1,4}(?:basic|bearer|digest)\s+)[^\s\"',]+", re.IGNORECASE, rf"\1{GONE}"),
        (_SESSION, re.IGNORECASE, rf"\1{GONE}"),
        # Every part of an Apprise URL may be a key; of a web address what stands before its host.
        (rf"\b{_PLAIN_SCHEMES}[a-z][a-z0-9+.-]{{2,20}}://[^\s\"'<>,]+", re.IGNORECASE, GONE),
        (r"(\b[a-z][a-z0-9+.-]*://)[^\s/\"'@]+@", re.IGNORECASE, rf"\1{GONE}@"),
        (r"([?&](?:token|key|auth|password|pass|secret|sig|signature)=)[^&\s\"']+", re.IGNORECASE, rf"\1{GONE}"),
        # What passwords are kept as: bcrypt, crypt(3), Pi-hole's.
        (r"\$(?:2[abxy]|5|6|y|argon2id?|BALLOON-SHA256)\$[^\s\"',:]+", 0, GONE),
        (r"\+[0-9]{8,15}\b", 0, GONE),  # a telephone number, as Signal's are
    )
)


def known_secrets(environments: Iterable[Mapping[str, str]]) -> frozenset[str]:
    """The secrets in settings, and the parts of those that are URLs."""
    found: set[str] = set()
    for environment in environments:
        for name, value in environment.items():
            if SECRET_NAME.fullmatch(name) and not name.endswith("_FILE"):
                found |= {value, *_url_parts(value)}
    return frozenset(secret for secret in found if len(secret) >= SHORTEST)


class Redactor:
    """Takes a set of secrets, and whatever looks like one, out of text."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Know these secrets in every encoding that programs print them in."""
        forms = {form for secret in secrets for form in _forms(secret) if len(form) >= SHORTEST}
        # The longest first: one may be a part of another.
        self._known = sorted(forms, key=lambda form: (-len(form), form))

    def clean(self, text: str) -> str:
        """The text without secrets."""
        for form in self._known:
            text = text.replace(form, GONE)
        for pattern, gone in _LOOKS:
            text = pattern.sub(gone, text)
        return text


def _url_parts(value: str) -> Iterator[str]:
    for url in re.split(r"[,\s]+", value):
        if "://" not in url:
            continue
        yield url
        try:
            host = urlsplit(url).hostname or ""
        except ValueError:
            host = ""
        # A name that everybody knows, such as ntfy.sh, says nothing; a host without a dot may be a token.
        public = _PUBLIC_WORDS | ({host} if "." in host else set())
        for word in re.split(r"[/:@?&=#;]+", url.partition("://")[2]):
            if len(word) >= SHORTEST + 2 and word.lower() not in public:
                yield word


def _forms(secret: str) -> Iterator[str]:
    for text in {secret, unquote(secret)}:
        yield text
        for safe in ("", "/"):
            quoted = quote(text, safe=safe)
            yield quoted
            yield re.sub("%..", lambda escape: escape[0].lower(), quoted)
        yield quote_plus(text)
        yield text.replace("$", "$$")  # as Compose prints it
        yield json.dumps(text)[1:-1]
        yield json.dumps(text, ensure_ascii=False)[1:-1]
        yield json.dumps(json.dumps(text)[1:-1])[1:-1]  # a log line that is JSON, in JSON
        yield text.replace("'", "'\\''")
        yield text.replace("'", "\\'")
        yield text.replace("'", "''")  # YAML
        yield text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
        data = text.encode()
        yield data.hex()
        yield data.hex().upper()
        # Where it begins in what was encoded is not known; the letters at its ends hold bits of what was beside it.
        for before, mixed in enumerate((0, 2, 3)):
            for encode in (base64.b64encode, base64.urlsafe_b64encode):
                inner = encode(bytes(before) + data).decode().rstrip("=")[mixed:]
                yield inner if (before + len(data)) % 3 == 0 else inner[:-1]
