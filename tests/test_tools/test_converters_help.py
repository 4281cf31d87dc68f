"""Every converter of data sets shows an example, and docs name them all."""
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ('boxes_only', 'boxes_to_coco', 'duts_to_single', 'voc_to_coco')


@pytest.mark.parametrize('name', TOOLS)
def test_help(tool, capsys, name):
    with pytest.raises(SystemExit) as done:
        tool(name, '--help')
    assert done.value.code == 0
    printed = capsys.readouterr().out
    assert f'\n    python tools/dataset_converters/{name}.py ' in printed
    assert 'docs/converters.md' in printed


@pytest.mark.parametrize('name', TOOLS)
def test_docs(name):
    text = (ROOT / 'docs' / 'converters.md').read_text()
    assert f'    python tools/dataset_converters/{name}.py ' in text
