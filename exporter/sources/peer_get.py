"""Ask the other node, and take only its own word."""

from __future__ import annotations

from exporter.http.client import MAXIMUM_BYTES, FetchError, http_exchange
from exporter.http.pair_key import NONCE_HEADER, SIGNATURE_HEADER, KeySource, PairKeyError, new_nonce


def peer_get(
    host: str, port: int, path: str, timeout: float, key: KeySource, limit: int = MAXIMUM_BYTES, *, tls: bool = False
) -> bytes:
    """Fetch a path from the other node, as ``http_get`` does; with a pair key only an answer that has it counts.

    Raises:
        FetchError: there is no answer, or somebody else's.
    """
    try:
        pair_key = key()
    except PairKeyError as error:
        raise FetchError(str(error)) from None
    if not pair_key:
        return http_exchange(host, port, path, timeout, limit, tls=tls).body
    nonce = new_nonce()
    answer = http_exchange(host, port, path, timeout, limit, {NONCE_HEADER: nonce}, tls=tls)
    if not pair_key.fits(answer.headers.get(SIGNATURE_HEADER.lower()), host, path, nonce, answer.body):
        msg = (
            f"{host} answers on port {port}, but without this node's pair key: set the same PAIR_KEY on both nodes; "
            "if it is the same already, another host has this address"
        )
        raise FetchError(msg)
    return answer.body
