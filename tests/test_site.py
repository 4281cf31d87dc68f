"""The site of the documents, built as `make docs` builds it."""
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from typing import List

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
    """Builds the site; broken links and missing pages are errors."""
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
    """And reachable: the strict build fails for pages without navigation."""
    for path in [
            *ROOT.glob('*.md'), *ROOT.glob('docs/**/*.md'),
            *ROOT.glob('*/*/README.md')
    ]:
        page = path.relative_to(ROOT).with_suffix('.html')
        page = str(page).replace('README', 'index')
        assert (site / page).is_file(), page


def test_start_page_is_the_readme(site):
    html = (site / 'index.html').read_text('utf-8')
    assert '<h1 id="mmboxcaseg">' in html
    assert 'href="docs/concepts.html' in html


def test_linked_sources_are_shown(site):
    name = 'configs/boxcaseg/boxcaseg_hrnetv2-w48_release.html'
    html = (site / name).read_text('utf-8')
    assert 'data_preprocessor' in html and 'class="highlight"' in html


def test_notebook_is_a_page(site):
    html = (site / 'demo/quick_start.html').read_text('utf-8')
    assert 'href="../docs/quick_start.html"' in html
    assert html.count('class="highlight"') > 10
    assert 'execution_count' not in html


def test_nothing_is_loaded_from_elsewhere(site):
    """Except what the theme needs to search pages opened as files."""
    for page in site.rglob('*.html'):
        html = page.read_text('utf-8')
        found = re.findall(r'<(?:script|img)[^>]*src="((?:https?:)?//[^"]*)',
                           html)
        found += re.findall(
            r'<link[^>]*rel="stylesheet"[^>]*href="(http[^"]*)', html)
        assert set(found) <= {'https://unpkg.com/iframe-worker/shim'}, page


def public_names(package: str) -> List[str]:
    """What a package offers: ``__all__``, or else what its modules define."""
    module = importlib.import_module(package)
    if hasattr(module, '__all__'):
        return [
            name for name in module.__all__
            if f'{package}.{name}' not in PACKAGES
        ]
    return [
        name for info in pkgutil.iter_modules(module.__path__, f'{package}.')
        for name, value in vars(importlib.import_module(info.name)).items()
        if inspect.getmodule(value) and not name.startswith('_')
        and getattr(value, '__module__', None) == info.name
    ]


@pytest.mark.parametrize('package', PACKAGES)
def test_public_names_are_documented(site, package):
    ids = set()
    for page in (site / 'docs/api').glob('*.html'):
        ids.update(re.findall(r'id="([\w.]+)"', page.read_text('utf-8')))
    for name in public_names(package):
        # A function may share its name with its module.
        assert {f'{package}.{name}', f'{package}.{name}.{name}'} & ids or any(
            re.fullmatch(rf'{package}\.\w+\.{name}', known)
            for known in ids), f'{package}.{name}'


def test_docstrings_are_rendered(site):
    """Tables of arguments, roles as links, names without a page as code."""
    html = (site / 'docs/api/models.html').read_text('utf-8')
    assert re.search(r'<td>\s*<code>channels</code>', html)
    assert 'href="structures.html#mmboxcaseg.structures.binarize_maps"' in html
    assert '<code>mmengine.model.ImgDataPreprocessor</code>' in html
    for page in (site / 'docs/api').glob('*.html'):
        text = re.sub(r'<details.*?</details>', '', page.read_text('utf-8'),
                      flags=re.DOTALL)  # yapf: disable
        assert not re.search(r':(?:class|func|meth|mod):', text), page


def test_formulas_are_mathml(site):
    html = (site / 'docs/concepts.html').read_text('utf-8')
    assert html.count('<math ') == 4
