"""Which part of the range is whose: so that two servers that know nothing of each other give no address twice."""

from __future__ import annotations

from exporter.settings.dhcp import AddressRange


def own_part(whole: AddressRange, role: str) -> AddressRange:
    """The addresses that a node of this role gives to new devices: the lower half, the upper half, or all of them."""
    if role == "standalone":
        return whole
    middle = whole.first + len(whole) // 2
    if role == "primary":
        return AddressRange(whole.first, middle - 1)
    return AddressRange(middle, whole.last)
