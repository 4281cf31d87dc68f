import os.path as osp

import cv2
import numpy as np
import pytest
from proxy_files import write_proxy_files

from mmboxcaseg import InputError
from mmboxcaseg.evaluation import compare_masks
from mmboxcaseg.proxy import ScoredMasks
from mmboxcaseg.visualization.report.galleries import (cut_image, draw_card,
                                                       find_changed,
                                                       find_misjudged,
                                                       first_of_classes,
                                                       order_by_score)


@pytest.fixture
def files(tiny_coco, rng):
    return write_proxy_files(tiny_coco(), rng)


@pytest.fixture
def masks(files) -> ScoredMasks:
    return ScoredMasks(files.proxy, files.img_prefix)


@pytest.fixture
def many(masks, rng) -> ScoredMasks:
    """Arrays of 60 masks with many equal scores and areas."""
    masks.ids = rng.permutation(60)
    masks.scores = rng.integers(0, 4, 60) / 3
    masks.areas = rng.integers(0, 3, 60)
    masks.labels = rng.choice([0, 2, 5], 60)
    return masks


@pytest.mark.parametrize('best_first', [False, True])
def test_order_against_sorting(many, best_first):
    sign = -1 if best_first else 1
    expected = sorted(
        range(60),
        key=lambda i: (sign * many.scores[i], -many.areas[i], many.ids[i]))
    assert order_by_score(many, best_first).tolist() == expected

    firsts = {}
    for i in expected:
        firsts.setdefault(int(many.labels[i]), i)
    assert first_of_classes(many, best_first) == firsts


def test_order_by_another_score(many, rng):
    other = rng.random(60)
    other[7] = np.nan
    order = order_by_score(many, False, other).tolist()
    assert order == np.argsort(other).tolist() and order[-1] == 7
    assert order_by_score(many, True, other)[-1] == 7


def test_changed_by_merging(files, masks):
    # Annotation 11 lies inside of 5, and no other two overlap.
    changed = find_changed(masks, compare_masks(masks, files.unmerged))
    assert masks.ids[changed].tolist() == [5]
    assert not len(find_changed(masks, compare_masks(masks, files.proxy)))


def test_misjudged(files, masks):
    truth = compare_masks(masks, files.truth)
    truth.ious[:] = [0.2, 0.1, np.nan, 0.05]
    kept = np.array([True, True, True, False])
    assert find_misjudged(kept, truth).tolist() == [1, 0]


def test_card(files, masks):
    others = {
        'before merging': compare_masks(masks, files.unmerged),
        'true mask': compare_masks(masks, files.truth)
    }
    del others['true mask'].masks[8]
    captions = [[figure['caption'] for figure in draw_card(masks, i, others)]
                for i in (0, 2)]
    assert captions == [['proxy mask', 'before merging'],
                        ['proxy mask', 'before merging', 'true mask']]
    figure, = draw_card(masks, 3, {'true mask': None})
    assert figure['src'].startswith('data:image/jpeg;base64,')


def test_cut_image(masks):
    img = cv2.imread(osp.join(masks.img_prefix, 'a.png'))
    # The box of annotation 11 is [5, 6, 20, 15].
    crop, window = cut_image(masks, 3, margin=0.1)
    assert window.tolist() == [3, 4, 27, 23]
    np.testing.assert_array_equal(crop, img[4:23, 3:27, ::-1])


def test_unusable_images(masks):
    path = osp.join(masks.img_prefix, 'a.png')
    cv2.imwrite(path, np.zeros((20, 50, 3), dtype=np.uint8))
    with pytest.raises(InputError, match='has 50x20 pixels, .* says 50x40'):
        draw_card(masks, 3, {})
    with open(path, 'w') as file:
        file.write('text')
    with pytest.raises(InputError, match='a.png cannot be read'):
        draw_card(masks, 3, {})
