"""What the documents tell to type works, and what they name exists."""
import importlib
import re
import shlex
import sys
from pathlib import Path
from typing import List

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
ALL = [
    ROOT / 'README.md', ROOT / 'data/README.md',
    *sorted(ROOT.glob('docs/**/*.md')),
    *sorted(ROOT.glob('configs/*/README.md'))
]
each_document = pytest.mark.parametrize(
    'path', ALL, ids=lambda p: str(p.relative_to(ROOT)))


def commands(path: Path) -> List[List[str]]:
    """The calls of tools in a document, in its order."""
    text = path.read_text('utf-8').replace('\\\n', ' ')
    lines = re.findall(r'^    python (tools/.*)$', text, re.MULTILINE)
    return [shlex.split(line) for line in lines]


def anchors(path: Path) -> List[str]:
    """What links may name behind #, in the form of GitHub."""
    titles = re.findall(r'^#+ (.*)$', path.read_text('utf-8'), re.MULTILINE)
    return [
        re.sub(r'[^\w -]', '', title.lower()).replace(' ', '-')
        for title in titles
    ]


@each_document
def test_links(path):
    for link in re.findall(r'\]\(([^)]+)\)', path.read_text('utf-8')):
        if '://' in link:
            continue
        name, _, anchor = link.partition('#')
        target = path.parent / name if name else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@each_document
def test_files_and_options(path):
    for tool, *arguments in commands(path):
        source = (ROOT / tool).read_text('utf-8')
        source += (ROOT / 'mmboxcaseg/utils/cli.py').read_text('utf-8')
        for option in arguments:
            if option.startswith('--'):
                assert f"'{option}'" in source, f'{tool} {option}'


@pytest.fixture
def own_data(tmp_path, monkeypatch, rng) -> Path:
    """The folder of a project with boxes of YOLO and salient images."""
    monkeypatch.chdir(tmp_path)
    for folder in ('mine/images', 'mine/labels', 'salient/images',
                   'salient/masks'):
        (tmp_path / 'data' / folder).mkdir(parents=True)

    def write_image(path: str) -> None:
        pixels = rng.integers(0, 256, (40, 60, 3))
        cv2.imwrite(f'data/{path}', pixels)

    for i in range(7):
        write_image(f'mine/images/{i}.jpg')
        write_image(f'salient/images/{i}.jpg')
        mask = np.pad(np.full((20, 30), 255), [(10, 10), (15, 15)])
        cv2.imwrite(f'data/salient/masks/{i}.png', mask)
        label = tmp_path / f'data/mine/labels/{i}.txt'
        label.write_text('1 0.5 0.5 0.4 0.6\n0 0.2 0.3 0.2 0.4\n')
    (tmp_path / 'data/mine/data.yaml').write_text('names: [cup, spoon]\n')
    return tmp_path


@pytest.fixture
def call(monkeypatch):
    """Calls a tool as the command line does."""

    def run(tool: str, *arguments) -> None:
        path = ROOT / tool
        monkeypatch.syspath_prepend(path.parent)
        monkeypatch.setattr(sys, 'argv', [tool, *arguments])
        importlib.import_module(path.stem).main()

    return run


def test_own_data_set(own_data, call, capsys):
    """The steps before the trainings, typed as they are written."""
    document = ROOT / 'docs/custom_dataset.md'
    convert, write, check, *_ = commands(document)
    call(*convert)
    call(*write)
    with pytest.raises(SystemExit) as ended:
        call(*check)
    assert not ended.value.code
    assert '\n0 errors, 0 warnings' in capsys.readouterr().out
    configs = {path.name for path in (own_data / 'configs/mine').iterdir()}
    assert configs == set(
        re.findall(r'^\| `configs/mine/(\w+\.py)`',
                   document.read_text('utf-8'), re.M))
