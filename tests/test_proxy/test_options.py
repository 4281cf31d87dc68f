import argparse

import pytest

from mmboxcaseg.proxy.options import add_mask_options, record_options


def parse(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_mask_options(parser)
    return parser.parse_args(argv)


def test_defaults():
    args = parse()
    assert record_options(args) == dict(merge_by='box', off_by_one=False)
    assert not args.truncate and args.polygons is None


def test_options():
    args = parse('--merge-by', 'mask', '--off-by-one', '--truncate',
                 '--mask-weight-thr', '0.8', '--polygons')
    assert record_options(args) == dict(
        merge_by='mask', off_by_one=True, mask_weight_thr=0.8)
    assert args.truncate and args.polygons == 0.4
    assert parse('--polygons', '1').polygons == 1
    assert record_options(parse('--no-merge'))['merge_by'] is None


@pytest.mark.parametrize('argv, words', [
    (('--no-merge', '--merge-by', 'mask'), 'not allowed with'),
    (('--mask-weight-thr', '2'), '2 is not in [0, 1]'),
    (('--mask-weight-thr', 'high'), 'invalid'),
    (('--polygons', '-1'), '-1 is negative'),
])
def test_bad_options(capsys, argv, words):
    with pytest.raises(SystemExit):
        parse(*argv)
    assert words in capsys.readouterr().err
