"""dnsmasq's leases: read, written, and the union of two nodes' leases."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.errors import ParseError
from exporter.settings.dhcp import AddressRange, parse_range
from stack.dhcp.leases import Lease, parse, render, union
from stack.dhcp.ranges import own_part

NOW = 1_700_000_000.0
# As dnsmasq 2.90 wrote it for busybox' udhcpc and a device without a client identifier.
RECORDED = """\
1700003600 02:dd:00:00:23:29 192.0.2.150 phone 01:02:dd:00:00:23:29
0 02:dd:00:00:23:2a 192.0.2.151 * *
"""

macs = st.integers(0, 30).map(lambda number: f"02:dd:00:00:00:{number:02x}")
leases = st.lists(
    st.builds(
        Lease,
        st.integers(int(NOW) - 50, int(NOW) + 50).map(float),
        macs,
        st.integers(1, 30).map(lambda number: IPv4Address("192.0.2.0") + number),
    ),
    max_size=40,
)


def test_a_file_of_dnsmasq_is_read_and_written_as_it_was() -> None:
    found = parse(RECORDED)
    assert [one.end for one in found] == [1_700_003_600.0, float("inf")]
    assert (found[0].device, found[1].device) == ("01:02:dd:00:00:23:29", "02:dd:00:00:23:2a")
    assert render(found) == RECORDED


@pytest.mark.parametrize(
    "text",
    [
        "1700003600 02:dd:00:00:23:29 192.0.2.150 phone 01:02",
        "1700003600 02:dd:00:00:23:29 192.0.2.350 phone 01:02\n",
        "1700003600 02:dd:00:00:23:29 192.0.2.150 phone\n",
        "soon 02:dd:00:00:23:29 192.0.2.150 phone *\n",
        "1700003600 02:dd,set:x 192.0.2.150 phone *\n",
        "duid 00:01:00:01\n",
    ],
)
def test_what_is_no_lease_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse(text)


@given(st.text(max_size=300))
def test_no_text_makes_the_parser_stumble(text: str) -> None:
    try:
        found = parse(text)
    except ParseError:
        return
    assert parse(render(found)) == tuple(sorted(found, key=lambda one: one.address))


@given(leases, leases)
def test_a_union_gives_no_address_twice_and_forgets_none(one: list[Lease], other: list[Lease]) -> None:
    found = union([*one, *other], NOW)
    assert len({lease.address for lease in found}) == len(found)
    assert all(lease.end > NOW for lease in found)
    for lost in {lease for lease in (*one, *other) if lease.end > NOW} - set(found):
        assert any(kept.end >= lost.end and kept.address == lost.address for kept in found)


@given(leases, leases)
def test_a_union_is_the_same_on_both_nodes_and_when_made_again(one: list[Lease], other: list[Lease]) -> None:
    found = union([*one, *other], NOW)
    assert found == union([*other, *one], NOW)
    assert found == union([*found, *found], NOW)


def test_the_halves_of_a_range_share_no_address_and_leave_none_out() -> None:
    for text in ("192.0.2.100-192.0.2.103", "192.0.2.100-192.0.2.200", "192.0.2.1-192.0.3.4"):
        whole = parse_range(text)
        assert whole is not None
        lower, upper = own_part(whole, "primary"), own_part(whole, "secondary")
        assert (lower.first, upper.first, upper.last) == (whole.first, lower.last + 1, whole.last)
        assert abs(len(lower) - len(upper)) <= 1
        assert own_part(whole, "standalone") == whole == AddressRange(whole.first, whole.last)
