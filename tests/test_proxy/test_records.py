import numpy as np
import pytest

from mmboxcaseg import InputError
from mmboxcaseg.proxy import estimate_iou, make_records, merge_and_score
from mmboxcaseg.structures import decode_window, encode_window

SHAPE = (40, 50)
IDS = (5, 11, 3)
# The smaller object (11) lies inside the larger one (5) and covers its left
# part; the third mask is empty.
WINDOWS = np.array([(2, 3, 33, 34), (2, 3, 18, 34), (40, 10, 45, 16)])
AREAS = np.array([961., 496, 30])


@pytest.fixture
def masks() -> list:
    return [np.full((y1 - y0, x1 - x0), x0 < 40) for x0, y0, x1, y1 in WINDOWS]


def test_masks_are_merged_scored_and_encoded(masks):
    large, small, empty = make_records(IDS, masks, WINDOWS, AREAS, SHAPE)
    assert (large['id'], small['id'], empty['id']) == IDS
    rest = masks[0].copy()
    rest[:, :16] = False
    assert large['segmentation'] == encode_window(rest, WINDOWS[0], *SHAPE)
    assert small['segmentation'] == encode_window(masks[1], WINDOWS[1], *SHAPE)
    assert not decode_window(empty['segmentation'], (0, 0, 50, 40)).any()
    # The larger one kept 15 of its 31 columns.
    assert large['mask_score'] == round(15 / 31, 6)
    assert (small['mask_score'], empty['mask_score']) == (1, 0)


def test_without_merging(masks):
    large, small, _ = make_records(
        IDS, masks, WINDOWS, AREAS, SHAPE, merge_by=None)
    assert large['mask_score'] == small['mask_score'] == 1
    assert decode_window(large['segmentation'], WINDOWS[0]).all()


def test_mask_lies_at_its_window(masks):
    record = make_records(IDS, masks, WINDOWS, AREAS, SHAPE)[1]
    painted = np.zeros(SHAPE, dtype=bool)
    painted[3:34, 2:18] = True
    np.testing.assert_array_equal(
        decode_window(record['segmentation'], (0, 0, 50, 40)), painted)


def test_smaller_means_the_area_of_the_box(masks):
    # and not that of the window, which is clipped and snapped
    large, small, _ = make_records(IDS, masks, WINDOWS,
                                   np.array([100., 496, 30]), SHAPE)
    assert large['mask_score'] == 1
    assert small['mask_score'] == 0


def test_smaller_may_mean_the_area_of_the_mask(masks):
    # 5 has the larger box, but now the smaller mask.
    masks[0][:, 4:] = False
    by_box, _, _ = make_records(IDS, masks, WINDOWS, AREAS, SHAPE)
    by_mask, other, _ = make_records(
        IDS, masks, WINDOWS, AREAS, SHAPE, merge_by='mask')
    assert by_box['mask_score'] == 0
    assert by_mask['mask_score'] == round(4 / 31, 6)
    assert other['mask_score'] == round(12 / 16, 6)


def test_order_of_the_objects_is_irrelevant(masks):
    areas = np.array([500., 500, 30])
    records = make_records(IDS, masks, WINDOWS, areas, SHAPE)
    order = [2, 1, 0]
    turned = make_records([IDS[i] for i in order], [masks[i] for i in order],
                          WINDOWS[order], areas[order], SHAPE)
    assert turned == [records[i] for i in order]
    # Of equal sizes the lower id, 5, counts as the smaller.
    assert [record['mask_score'] for record in records] == [1, 0, 0]


def test_score_of_the_authors(masks):
    record = make_records(
        IDS, masks, WINDOWS, AREAS, SHAPE, off_by_one=True)[1]
    assert record['mask_score'] == round(16 * 31 / (17 * 32), 6)


def test_weight_of_masks_under_a_threshold(masks):
    plain = make_records(IDS, masks, WINDOWS, AREAS, SHAPE)
    weighted = make_records(
        IDS, masks, WINDOWS, AREAS, SHAPE, mask_weight_thr=0.5)
    # 15 of 31 columns, the whole window, nothing
    weights = [record.pop('mask_weight', None) for record in weighted]
    assert weights == [0, None, 0]
    assert weighted == plain


def test_empty_mask_has_no_weight_at_any_threshold(masks):
    records = make_records(
        IDS, masks, WINDOWS, AREAS, SHAPE, mask_weight_thr=0)
    assert ['mask_weight' in record for record in records] == [0, 0, 1]


@pytest.mark.parametrize('merge_by', ['box', 'mask', None])
def test_expected_iou_is_that_of_the_merged_mask(masks, rng, merge_by):
    probs = [rng.random(mask.shape, dtype=np.float32) for mask in masks]
    plain = make_records(IDS, masks, WINDOWS, AREAS, SHAPE, merge_by=merge_by)
    records = make_records(
        IDS,
        masks,
        WINDOWS,
        AREAS,
        SHAPE,
        probability=probs.__getitem__,
        merge_by=merge_by)
    for record, window, prob in zip(records, WINDOWS, probs):
        merged = decode_window(record['segmentation'], window)
        inside = sum(float(p) for p in prob[merged])
        outside = sum(float(p) for p in prob[~merged])
        expected = inside / (merged.sum() + outside)
        assert record.pop('expected_iou') == pytest.approx(expected, abs=6e-7)
    assert records == plain


def test_prediction_of_the_model_comes_first(masks):
    ious, probs = [1.02, None, 0.7], [np.ones(m.shape) for m in masks]
    records = make_records(
        IDS,
        masks,
        WINDOWS,
        AREAS,
        SHAPE,
        probability=probs.__getitem__,
        expected_ious=ious)
    # The last mask is empty.
    assert [r.get('expected_iou') for r in records] == [1, None, 0]
    assert estimate_iou(masks[0], 0, expected_ious=[-0.1]) == 0
    assert estimate_iou(masks[0], 0) is None


@pytest.mark.parametrize('iou', [np.nan, np.inf])
def test_iou_that_is_not_finite(masks, iou):
    # The mask of annotation 3 is empty; a broken model is an error anyway.
    for i, ann_id in enumerate(IDS):
        ious = [0.5, 0.5, 0.5]
        ious[i] = iou
        with pytest.raises(InputError, match=f'annotation {ann_id}: .* {iou}'):
            make_records(IDS, masks, WINDOWS, AREAS, SHAPE, expected_ious=ious)
    with pytest.raises(InputError, match='mask 0: its expected IoU is nan'):
        estimate_iou(masks[0], 0, lambda i: np.full((31, 31), np.nan))


def test_every_mask_is_computed_once(masks):

    class Lazy:
        """A sequence that counts how often it is read."""

        reads = 0

        def __len__(self):
            return len(masks)

        def __getitem__(self, i):
            self.reads += 1
            return masks[i]

    lazy = Lazy()
    merged, scores = merge_and_score(lazy, WINDOWS, AREAS, IDS)
    # The fourth read ends the iteration.
    assert lazy.reads == 4
    assert scores[1:] == [1, 0] and merged[1].all()
