from pathlib import Path

import pytest
from jinja2 import DictLoader, Template, UndefinedError

from mmboxcaseg.visualization.report import templates
from mmboxcaseg.visualization.report.templates import load_template


@pytest.fixture
def template(monkeypatch):
    """Loads a template with the given text."""

    def load(text: str, **filters) -> Template:
        monkeypatch.setattr(templates, 'PackageLoader',
                            lambda *_: DictLoader({'page.j2': text}))
        return load_template('page.j2', **filters)

    return load


def test_texts_are_escaped(template):
    page = template(
        '{{ path|basename }} {{ path|twice }}', twice='{0}{0}'.format)
    assert page.render(path='a/<b>') == '&lt;b&gt; a/&lt;b&gt;a/&lt;b&gt;'


def test_undefined_names(template):
    with pytest.raises(UndefinedError):
        template('{{ nothing }}').render()


def test_every_template_is_packed():
    root = Path(__file__).resolve().parents[3]
    folder = root / 'mmboxcaseg/visualization/report'
    suffixes = {path.suffix for path in folder.iterdir() if path.is_file()}
    lines = (root / 'setup.cfg').read_text().splitlines()
    packed, = (
        line for line in lines
        if line.startswith('mmboxcaseg.visualization.report = '))
    manifest = (root / 'MANIFEST.in').read_text().replace('\n', ' ')
    for suffix in suffixes - {'.py'}:
        assert f'*{suffix},' in packed + ','
        assert f'*{suffix} ' in manifest
