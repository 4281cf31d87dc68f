"""converting.py: what all converters share."""
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mmboxcaseg import InputError

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools/dataset_converters'))
import converting  # noqa: E402


@pytest.mark.parametrize('box, expected, note', [
    ([1, 2, 3, 4], [1, 2, 3, 4], ''),
    ([0, 0, 20.001, 10], [0, 0, 20, 10], ''),
    ([-1, 2, 3, 40], [0, 2, 3, 10], converting.CLIPPED),
    ([20, 0, 25, 5], None, converting.OUTSIDE),
    ([3, 0, 3, 5], None, converting.NO_AREA),
    ([3, 0, 3.002, 5], None, converting.NO_AREA),
    ([4, 0, 3, 5], None, converting.NO_AREA),
    ([0, 0, float('nan'), 5], None, converting.NO_AREA),
    ([0, 0, float('inf'), 5], None, converting.NO_AREA),
])
def test_clip_box(box, expected, note):
    assert converting.clip_box(box, width=20, height=10) == (expected, note)


def read(task: str) -> int:
    if task == 'bad':
        raise InputError('not a number')
    return int(task)


def test_read_all(capsys):
    args = SimpleNamespace(nproc=2, skip_broken=False)
    tasks, names = ['1', 'bad', '3'], ['a', 'b', 'c']
    with pytest.raises(InputError, match='1 of 3 files .*skip-broken'):
        converting.read_all(read, tasks, names, args)
    args.skip_broken = True
    assert converting.read_all(read, tasks, names, args) == [1, None, 3]
    assert '  b: not a number' in capsys.readouterr().out
    # An error that is not about the input is a bug.
    with pytest.raises(ValueError, match='invalid literal'):
        converting.read_all(read, ['x'], ['x'], args)
