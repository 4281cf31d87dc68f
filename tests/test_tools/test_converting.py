"""converting.py: what all converters share."""
import sys
from argparse import Namespace
from pathlib import Path

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


@pytest.mark.parametrize('nproc', [dict(nproc=2), {}])
def test_read_all(capsys, nproc):
    args = Namespace(skip_broken=False, **nproc)
    tasks = dict(a='1', b='bad', c='3')
    with pytest.raises(InputError, match='1 of 3 files .*skip-broken'):
        converting.read_all(read, tasks, args)
    args.skip_broken = True
    assert converting.read_all(read, tasks, args) == dict(a=1, c=3)
    assert '  b: not a number' in capsys.readouterr().out
    assert converting.read_all(read, {}, args) == {}
    # An error that is not about the input is a bug.
    with pytest.raises(ValueError, match='invalid literal'):
        converting.read_all(read, dict(x='x'), args)


def test_wrong_options(capsys):
    parser = converting.make_parser('text')
    converting.add_tolerance(parser)
    for argv in ('--nproc', '0'), ('--tolerance', '-1'):
        with pytest.raises(SystemExit):
            parser.parse_args(argv)
        assert f'argument {argv[0]}: ' in capsys.readouterr().err
