"""What the README tells a newcomer to type must be there."""
import re
from pathlib import Path

README = Path(__file__).resolve().parents[1] / 'README.md'


def test_commands_and_files_exist():
    text = README.read_text(encoding='utf-8')
    folders = '(?:tools|configs|docs|mmboxcaseg)'
    paths = set(re.findall(rf'(?<![\w/]){folders}/[\w./-]+\w', text))
    assert len(paths) > 10
    # What new_dataset.py writes is not there yet.
    for path in paths - {'configs/mine'}:
        if not path.startswith('configs/mine/'):
            assert (README.parent / path).exists(), path
