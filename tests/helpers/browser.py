"""Pages in headless Chromium, without a network."""
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which('chromium') or shutil.which('google-chrome')
NO_CHROMIUM = 'no chromium found (Debian: apt install chromium)'
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason=NO_CHROMIUM)
OPTIONS = (
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    # Nothing listens there, so every request fails.
    '--proxy-server=http://127.0.0.1:9',
)


def browse(page: Path, *options: str) -> str:
    """Open a page; returns what Chromium prints."""
    return subprocess.run([
        CHROMIUM, '--headless', *OPTIONS,
        f'--user-data-dir={page.parent / "chromium"}',
        '--window-size=1000,3000', *options,
        page.as_uri()
    ],
                          capture_output=True,
                          text=True,
                          check=True,
                          timeout=120).stdout
