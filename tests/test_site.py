"""The site of the documents, built as `make docs` builds it."""
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mmboxcaseg

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = [
    info.name
    for info in pkgutil.walk_packages(mmboxcaseg.__path__, 'mmboxcaseg.')
    if info.ispkg
]


@pytest.fixture(scope='module')
def site(tmp_path_factory) -> Path:
    """Builds the site; broken links and pages that are missing end it."""
    folder = tmp_path_factory.mktemp('site')
    done = subprocess.run(
        [sys.executable, '-m', 'mkdocs', 'build', '--strict', '-d', folder],
        cwd=ROOT,
        env=dict(os.environ, NO_MKDOCS_2_WARNING='1'),
        capture_output=True,
        text=True)
    assert not done.returncode, done.stderr
    return folder


def test_every_document_is_a_page(site):
    """That it is in the navigation, too, the strict build sees to."""
    for path in [*ROOT.glob('docs/**/*.md'), *ROOT.glob('*/*/README.md')]:
        page = path.relative_to(ROOT).with_suffix('.html')
        page = str(page).replace('README', 'index')
        assert (site / page).is_file(), page


def test_start_page_is_the_readme(site):
    html = (site / 'index.html').read_text('utf-8')
    assert '<h1 id="mmboxcaseg">' in html
    assert 'href="configs/boxcaseg/index.html' in html


def test_linked_sources_are_shown(site):
    name = 'configs/boxcaseg/boxcaseg_hrnetv2-w48_release.html'
    html = (site / name).read_text('utf-8')
    assert 'loss_pixel' in html and 'class="highlight"' in html


def test_nothing_is_loaded_from_elsewhere(site):
    """But what the theme needs to search pages that are opened as files."""
    for page in site.rglob('*.html'):
        html = page.read_text('utf-8')
        found = re.findall(r'<(?:script|img)[^>]*src="((?:https?:)?//[^"]*)',
                           html)
        found += re.findall(
            r'<link[^>]*rel="stylesheet"[^>]*href="(http[^"]*)', html)
        assert set(found) <= {'https://unpkg.com/iframe-worker/shim'}, page


@pytest.mark.parametrize('package', PACKAGES)
def test_public_names_are_documented(site, package):
    ids = set()
    for page in (site / 'docs/api').glob('*.html'):
        ids.update(re.findall(r'id="([\w.]+)"', page.read_text('utf-8')))
    for name in importlib.import_module(package).__all__:
        # A function may share its name with its module.
        assert {f'{package}.{name}', f'{package}.{name}.{name}'} & ids or any(
            re.fullmatch(rf'{package}\.\w+\.{name}', known)
            for known in ids), f'{package}.{name}'


def test_docstrings_are_rendered(site):
    """Tables of arguments, roles as links, names without a page as code."""
    html = (site / 'docs/api/models.html').read_text('utf-8')
    assert re.search(r'<code>channels</code>.*?Channels C of the joined map',
                     html, re.DOTALL)
    assert 'href="structures.html#mmboxcaseg.structures.binarize_maps"' in html
    assert '<code>mmengine.model.ImgDataPreprocessor</code>' in html
    for page in (site / 'docs/api').glob('*.html'):
        text = re.sub(r'<details.*?</details>', '', page.read_text('utf-8'),
                      flags=re.DOTALL)  # yapf: disable
        assert not re.search(r':(?:class|func|meth|mod):', text), page


def test_formulas_are_mathml(site):
    html = (site / 'docs/concepts.html').read_text('utf-8')
    assert html.count('<math ') == 4
