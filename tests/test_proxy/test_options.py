import argparse

import pytest

from mmboxcaseg.proxy.options import (add_filter_options, add_mask_options,
                                      filter_arguments, mask_filter,
                                      record_options)


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


@pytest.mark.parametrize('argv, rule', [
    (('--no-merge', ), None),
    (('--merge-by', 'mask', '--no-merge'), None),
    (('--no-merge', '--merge-by', 'mask'), 'mask'),
])
def test_last_merge_option_counts(argv, rule):
    assert record_options(parse(*argv))['merge_by'] == rule


@pytest.mark.parametrize('argv, words', [
    (('--mask-weight-thr', '2'), '2 is not in [0, 1]'),
    (('--mask-weight-thr', 'high'), 'invalid'),
    (('--polygons', '-1'), '-1 is negative'),
])
def test_bad_options(capsys, argv, words):
    with pytest.raises(SystemExit):
        parse(*argv)
    assert words in capsys.readouterr().err


def test_merge_rule_that_needs_probabilities(capsys):
    parser = argparse.ArgumentParser()
    add_mask_options(parser, has_probability=True)
    args = parser.parse_args(['--merge-by', 'probability'])
    assert record_options(args)['merge_by'] == 'probability'
    with pytest.raises(SystemExit):
        parse('--merge-by', 'probability')
    assert 'probability' in capsys.readouterr().err


@pytest.mark.parametrize('argv, rule', [
    ((), ('mask_score', 0.95, None)),
    (('--threshold', '0.5'), ('mask_score', 0.5, None)),
    (('--score', 'expected_iou'), ('expected_iou', 0, None)),
    (('--keep-share', '0.3'), ('mask_score', 0, 0.3)),
    (('--score', 'expected_iou', '--threshold', '0.7', '--keep-share', '0.3'),
     ('expected_iou', 0.7, 0.3)),
])
def test_filter_options(argv, rule):
    parser = argparse.ArgumentParser()
    add_filter_options(parser)
    found = mask_filter(parser.parse_args(argv))
    assert (found.key, found.thr, found.keep_share) == rule
    again = mask_filter(parser.parse_args(filter_arguments(found)))
    assert vars(again) == vars(found)


def test_threshold_out_of_range(capsys):
    parser = argparse.ArgumentParser()
    add_filter_options(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(['--threshold', '80'])
    assert '--threshold: 80 is not in [0, 1]' in capsys.readouterr().err
