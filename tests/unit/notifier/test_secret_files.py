"""A new NOTIFY_URLS reaches a notifier that runs."""

from __future__ import annotations

from pathlib import Path

from alerts.notifier.secret_files import SecretFiles


def test_only_another_content_is_a_change(tmp_path: Path) -> None:
    urls, heartbeat = tmp_path / "urls", tmp_path / "heartbeat"
    urls.write_text("json://192.0.2.1/")
    files = SecretFiles({"NOTIFY_URLS_FILE": str(urls), "HEARTBEAT_URL_FILE": str(heartbeat), "TZ": str(tmp_path)})
    assert not files.changed()
    urls.write_text("json://192.0.2.1/")  # the same, written again by the next `docker compose up`
    assert not files.changed()
    urls.unlink()
    assert not files.changed()
    urls.write_text("json://192.0.2.2/")
    assert files.changed()


def test_a_file_that_appears_is_a_change(tmp_path: Path) -> None:
    urls = tmp_path / "urls"
    files = SecretFiles({"NOTIFY_URLS_FILE": str(urls)})
    urls.write_text("json://192.0.2.1/")
    assert files.changed()
