import numpy as np
import pytest

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import MaskFilter


def masks(scores, classes=None, ids=None) -> list:
    """Annotations with both scores: ``expected_iou`` is 1 - ``mask_score``."""
    classes = classes or [1] * len(scores)
    ids = ids or range(len(scores))
    return [
        dict(
            id=i,
            category_id=c,
            segmentation=dict(size=[2, 2], counts='04'),
            mask_score=s,
            expected_iou=1 - s) for i, c, s in zip(ids, classes, scores)
    ]


def weights(anns: list, **kwargs) -> list:
    return MaskFilter(**kwargs).weigh(anns, 'proxy.json').tolist()


SCORES = [0, 0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize('kwargs, expected', [
    (dict(), [0, 1, 1, 1, 1]),
    (dict(thr=0.5), [0, 0, 1, 1, 1]),
    (dict(thr=0.5, soft=True), [0, 0, 0.5, 0.75, 1]),
    (dict(soft=2), [0, 0.0625, 0.25, 0.5625, 1]),
    (dict(key='expected_iou', thr=0.5), [1, 1, 1, 0, 0]),
    (dict(key='expected_iou', soft=True), [1, 0.75, 0.5, 0.25, 0]),
    (dict(keep_share=0.4), [0, 0, 0, 1, 1]),
    (dict(keep_share=0.4, thr=0.9), [0, 0, 0, 0, 1]),
    (dict(keep_share=0.4, soft=True), [0, 0, 0, 0.75, 1]),
    (dict(key='expected_iou', keep_share=0.4), [1, 1, 0, 0, 0]),
    (dict(keep_share=0), [0, 0, 0, 0, 0]),
    (dict(keep_share=1), [0, 1, 1, 1, 1]),
])
def test_weights(kwargs, expected):
    assert weights(masks(SCORES), **kwargs) == expected


@pytest.mark.parametrize(
    'kwargs, expected',
    [
        (dict(thr=0.5), [1, 0, 0.5, 1, 0]),
        (dict(thr=0.5, soft=True), [1, 0, 0.5, 0.75, 0]),
        # Half of the two masks without a weight.
        (dict(keep_share=0.5), [1, 0, 0.5, 1, 0]),
    ])
def test_weight_in_the_file_decides(kwargs, expected):
    anns = masks(SCORES)
    for i, weight in {0: 1, 2: 0.5, 4: 0}.items():
        anns[i]['mask_weight'] = weight
    assert weights(anns, **kwargs) == expected
    # Such a mask needs no score.
    del anns[0]['mask_score']
    assert weights(anns, **kwargs) == expected
    assert MaskFilter().missing(anns) == []
    del anns[1]['mask_score']
    with pytest.raises(InputError, match='no `mask_score`: annotation 1'):
        weights(anns, **kwargs)


def test_empty_mask_is_not_used_whatever_its_weight():
    anns = masks(SCORES)
    for ann in anns[:2]:
        ann.update(mask_score=0, mask_weight=1)
    anns[0]['segmentation'] = dict(size=[2, 2], counts='4')
    # A mask that misses its box may have score 0, too.
    assert weights(anns, thr=0.5) == [0, 1, 1, 1, 1]


def test_share_is_that_of_each_class(rng):
    classes = rng.integers(0, 6, 200)
    anns = masks(rng.random(200).tolist(), classes.tolist())
    for share in (0.01, 0.15, 0.3, 0.85):
        kept = np.array(weights(anns, keep_share=share)) > 0
        scores = np.array([ann['mask_score'] for ann in anns])
        for label in range(6):
            own = classes == label
            assert kept[own].sum() == max(1, int(share * own.sum() + 0.5))
            assert scores[own & kept].min() > scores[own & ~kept].max()


def test_lower_ids_win_ties_in_any_order():
    anns = masks([0.5] * 4, ids=[9, 2, 5, 3])
    assert weights(anns, keep_share=0.5) == [0, 1, 0, 1]
    assert weights(anns[::-1], keep_share=0.5) == [1, 0, 1, 0]


def test_at_least_one_mask_of_a_class():
    anns = masks([0.2, 0.3, 0.1], classes=[7, 7, 9])
    assert weights(anns, keep_share=1e-6) == [0, 1, 1]
    # but none that is empty
    assert weights(masks([0.]), keep_share=0.5) == [0]


def test_no_masks():
    for kwargs in (dict(), dict(keep_share=0.5)):
        assert weights([], **kwargs) == []


def test_missing_key():
    anns = masks(SCORES)
    del anns[1]['expected_iou'], anns[3]['expected_iou']
    with pytest.raises(InputError) as error:
        weights(anns, key='expected_iou')
    message = str(error.value)
    assert 'proxy.json: 2 of 5 masks have no `expected_iou`' in message
    assert 'annotation 1, 3' in message and 'label.py' in message
    assert 'true masks' in message
    assert weights(anns) == [0, 1, 1, 1, 1]


@pytest.mark.parametrize('kwargs, words', [
    (dict(key='area'), "key='area'"),
    (dict(thr=95), 'thr=95'),
    (dict(keep_share=30), 'keep_share=30'),
    (dict(soft=-1), 'soft=-1'),
    (dict(thr='0.5'), "thr='0.5'"),
    (dict(thr=None), 'thr=None'),
    (dict(keep_share=[1]), r'keep_share=\[1\]'),
    (dict(soft='a'), "soft='a'"),
])
def test_bad_settings(kwargs, words):
    with pytest.raises(InputError, match=words):
        MaskFilter(**kwargs)


def test_filter_of_a_data_set():
    plain = MaskFilter.of_dataset(type='x', ann_file='y')
    assert (plain.key, plain.thr, plain.soft) == ('mask_score', 0.95, 0)
    ours = MaskFilter.of_dataset(dict(key='expected_iou'), 0.8, 3)
    assert (ours.key, ours.thr, ours.soft) == ('expected_iou', 0, 0)
    with pytest.raises(InputError, match='share.*keep_share'):
        MaskFilter.of_dataset(dict(share=0.3))
    with pytest.raises(InputError, match="mask_filter=0.3: .* It is a dict"):
        MaskFilter.of_dataset(0.3)
    with pytest.raises(InputError, match="mask_score_thr='a' must be in"):
        MaskFilter.of_dataset(mask_score_thr='a')


@pytest.mark.parametrize('kwargs, text', [
    (dict(thr=0.95), 'mask_score >= 0.95'),
    (dict(key='expected_iou',
          keep_share=0.3), 'the best 30 % of each class by expected_iou'),
    (dict(thr=0.5, keep_share=0.3, soft=True),
     'the best 30 % of each class by mask_score, mask_score >= 0.5, weight '
     'mask_score^1'),
])
def test_text(kwargs, text):
    assert str(MaskFilter(**kwargs)) == text
