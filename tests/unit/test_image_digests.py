"""Other people's images by their digests: which are found, and how they are written."""

from __future__ import annotations

from stack.images.digests import files, pin, references

ONE, TWO = ("sha256:" + digit * 64 for digit in "ab")
TEXT = f"""\
x-images:
  pihole: &pihole-image pihole/pihole:2026.07.2
  grafana: &grafana-image registry.example:5000/grafana/grafana:13.2.3@{ONE}
FROM debian:trixie-slim AS base
FROM base AS python
FROM lovelaze/nebula-sync:v0.11.2@{ONE} AS nebula-sync
    image: dnsha-tools:local
"""
IMAGES = ["pihole/pihole:2026.07.2", "registry.example:5000/grafana/grafana:13.2.3", "debian:trixie-slim",
          "lovelaze/nebula-sync:v0.11.2"]  # fmt: skip


def test_each_image_of_others_is_found_and_none_of_ours() -> None:
    assert references(TEXT) == IMAGES


def test_a_digest_stands_behind_its_tag_once() -> None:
    pinned = pin(TEXT, dict.fromkeys(IMAGES, TWO))
    assert f"FROM debian:trixie-slim@{TWO} AS base\nFROM base AS python\n" in pinned
    assert f"&pihole-image pihole/pihole:2026.07.2@{TWO}\n" in pinned
    assert ONE not in pinned
    assert pinned.count(TWO) == 4
    assert pin(pinned, dict.fromkeys(IMAGES, TWO)) == pinned


def test_a_digest_that_is_not_known_is_taken_away() -> None:
    assert "@" not in pin(TEXT, {})


def test_the_shipped_files_name_those_that_are_not_built_here() -> None:
    found = {image.partition(":")[0] for file in files() for image in references(file.read_text())}
    assert found == {
        "debian", "lovelaze/nebula-sync", "pihole/pihole", "prom/node-exporter", "prom/prometheus", "prom/alertmanager",
        "grafana/grafana", "bbernhard/signal-cli-rest-api",
    }  # fmt: skip
