import re
from pathlib import Path

import pytest

from mmboxcaseg.checks import KINDS, Findings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def findings() -> Findings:
    found = Findings()
    found.add('image-grey', 'b.json', 'x.png')
    for i in range(5):
        found.add('image-size', 'b.json', f'{i}.png')
    found.add('image-size', 'a.json', '7.png')
    found.add('image-size', 'a.json', '7.png')  # told once
    return found


def test_errors_come_first(findings):
    assert [(f.kind, f.where, len(f.examples))
            for f in findings] == [('image-size', 'a.json', 1),
                                   ('image-size', 'b.json', 5),
                                   ('image-grey', 'b.json', 1)]
    assert findings.counts() == dict(error=6, warning=0, note=1)


def test_table(findings):
    lines = findings.table(2).splitlines()
    assert lines[0].split() == ['error', 'image-size', '1', 'a.json']
    assert '0.png, 1.png and 3 more' in lines[6]
    assert lines[-1] == '6 errors, 0 warnings, 1 note'
    for line in KINDS['image-size'][1:]:
        assert line in findings.table()


def test_json(findings):
    content = findings.to_json()
    assert content['counts'] == findings.counts()
    assert content['findings'][1] == dict(
        severity='error',
        kind='image-size',
        where='b.json',
        count=5,
        text=KINDS['image-size'].text,
        remedy=KINDS['image-size'].remedy,
        examples=[f'{i}.png' for i in range(5)])


def test_docs_list_every_kind():
    text = (ROOT / 'docs' / 'check_data.md').read_text(encoding='utf-8')
    rows = re.findall(r'^\| `[a-z-]+` \| (?:error|warning|note) .*$', text,
                      re.MULTILINE)
    assert sorted(rows) == sorted(f'| `{kind}` | {" | ".join(KINDS[kind])} |'
                                  for kind in KINDS)
