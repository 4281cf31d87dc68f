import copy
import json

import numpy as np
import pytest

from mmboxcaseg import InputError
from mmboxcaseg.evaluation import compare_masks, evaluate_mask_file
from mmboxcaseg.evaluation.mask_files import masks_by_id
from mmboxcaseg.proxy import ScoredMasks
from mmboxcaseg.structures import encode_window

HEIGHT, WIDTH = 40, 50
WINDOW = np.array([10, 10, 30, 20])


def rle(columns: int = 20) -> dict:
    """A rectangle whose width is given, in a window of 20 x 10 pixels."""
    mask = np.zeros((10, 20), dtype=bool)
    mask[:, :columns] = True
    return encode_window(mask, WINDOW, HEIGHT, WIDTH)


@pytest.fixture
def truth() -> dict:
    anns = [
        dict(
            id=i,
            image_id=7,
            category_id=label,
            bbox=[10, 10, 20, 10],
            segmentation=rle()) for i, label in ((1, 1), (2, 1), (3, 2))
    ]
    return dict(
        images=[dict(id=7, file_name='a.png', height=HEIGHT, width=WIDTH)],
        annotations=anns,
        categories=[dict(id=1, name='cat'),
                    dict(id=2, name='dog')])


@pytest.fixture
def proxy(truth) -> dict:
    """Masks of IoU 1, 0.5 and 0.75."""
    proxy = copy.deepcopy(truth)
    for ann, columns in zip(proxy['annotations'], (20, 10, 15)):
        ann.update(segmentation=rle(columns), mask_score=.9, mask_source='x')
    return proxy


@pytest.fixture
def write(tmp_path):

    def run(name: str, data: dict) -> str:
        path = tmp_path / name
        path.write_text(json.dumps(data))
        return str(path)

    return run


def evaluate(write, proxy: dict, truth: dict) -> dict:
    return evaluate_mask_file(
        write('proxy.json', proxy), write('truth.json', truth))


def test_scores(write, proxy, truth):
    # The mean of the two class means, 0.75 and 0.75.
    assert evaluate(write, proxy, truth) == dict(
        mIoU_star=0.75, IoU_50=1, IoU_75=pytest.approx(2 / 3))


def test_merging_before_the_scores(write, proxy, truth):
    """The smallest box takes its pixels from the masks of larger ones."""
    proxy['annotations'][0].update(bbox=[10, 10, 10, 10], segmentation=rle(10))
    proxy['annotations'][1]['segmentation'] = rle(20)
    files = write('proxy.json', proxy), write('truth.json', truth)
    # The second object loses its left half, the third one the rest, too.
    result = evaluate_mask_file(*files, merge_by='box')
    assert result['mIoU_star'] == pytest.approx((1 / 2 + 0) / 2)
    assert evaluate_mask_file(*files)['mIoU_star'] == pytest.approx(
        ((1 / 2 + 1) / 2 + 3 / 4) / 2)


@pytest.mark.parametrize('key', ['iscrowd', 'ignore'])
def test_left_out_annotations_do_not_count(write, proxy, truth, key):
    truth['annotations'][1][key] = 1
    assert evaluate(write, proxy, truth)['mIoU_star'] == (1 + 0.75) / 2
    # Neither do their masks, however broken.
    truth['annotations'][1]['segmentation'] = [1, 2]
    assert evaluate(write, proxy, truth)['mIoU_star'] == (1 + 0.75) / 2


def test_masks_of_the_source_are_not_predictions(write, proxy, truth):
    del proxy['annotations'][2]['mask_score']
    del proxy['annotations'][2]['mask_source']
    text = 'no mask for 1 of 3 .* \\[3\\]. '
    with pytest.raises(InputError, match=text + 'It has them without a mask'):
        evaluate(write, proxy, truth)
    del proxy['annotations'][2]
    with pytest.raises(InputError, match=text + 'Label the boxes of the same'):
        evaluate(write, proxy, truth)


@pytest.mark.parametrize('segmentation, text', [
    (None, 'have no `segmentation`: annotation 2'),
    ([10, 10, 30, 10, 30, 20], 'not a list of polygons.*annotation 2'),
    ([[10, 10, 30, 10, 30, 20, 1]], 'odd number of coordinates: annotation 2'),
    (dict(size=[WIDTH, HEIGHT], counts='0'), 'size.*annotation 2'),
    (dict(size=[HEIGHT, WIDTH], counts=[5]), 'do not sum up.*annotation 2'),
])
def test_broken_true_masks(write, proxy, truth, segmentation, text):
    truth['annotations'][1]['segmentation'] = segmentation
    with pytest.raises(InputError, match=f'(?s)truth.json.*{text}'):
        evaluate(write, proxy, truth)


def test_other_size(write, proxy, truth):
    truth['images'][0]['height'] = HEIGHT + 1
    polygon = [[10, 10, 30, 10, 30, 20]]
    for ann in truth['annotations']:
        ann['segmentation'] = polygon
    with pytest.raises(InputError, match='Annotation 1: the image has'):
        evaluate(write, proxy, truth)


def test_masks_by_id(truth):
    truth['annotations'][0]['segmentation'] = [[
        10, 10, 30, 10, 30, 20, 10, 20
    ]]
    truth['annotations'][1]['segmentation'] = []
    masks = masks_by_id(truth, 'truth.json')
    assert masks == {1: rle(), 3: rle()}


@pytest.fixture
def scored(write, proxy, tmp_path) -> ScoredMasks:
    cv2 = pytest.importorskip('cv2')
    cv2.imwrite(
        str(tmp_path / 'a.png'), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    return ScoredMasks(write('proxy.json', proxy), str(tmp_path))


def test_comparison(write, scored, truth):
    del truth['annotations'][1]['segmentation']
    result = compare_masks(scored, write('other.json', truth))
    np.testing.assert_allclose(result.ious, [1, np.nan, 0.75])
    assert sorted(result.masks) == [1, 3]
    assert result.summary['mIoU_star'] == (1 + 0.75) / 2


def test_comparison_with_other_annotations(write, scored, truth):
    for ann in truth['annotations']:
        ann['id'] += 100
    with pytest.raises(InputError, match='no mask for any of the 3'):
        compare_masks(scored, write('other.json', truth))
