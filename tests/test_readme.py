"""The README is short, and the files that it names exist."""
import re
from pathlib import Path

README = Path(__file__).resolve().parents[1] / 'README.md'


def test_named_files_exist():
    text = README.read_text(encoding='utf-8')
    folders = '(?:tools|configs|docs|mmboxcaseg)'
    paths = set(re.findall(rf'(?<![\w/]){folders}/[\w./-]+\w', text))
    assert len(paths) > 10
    # new_dataset.py writes configs/mine.
    for path in paths - {'configs/mine'}:
        if not path.startswith('configs/mine/'):
            assert (README.parent / path).exists(), path


def test_it_is_short():
    assert len(README.read_text(encoding='utf-8').splitlines()) < 120
