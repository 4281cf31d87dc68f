import numpy as np
import pytest

from mmboxcaseg import InputError
from mmboxcaseg.datasets.transforms import PackCrops, PromptBoxes


def make_item(*boxes, height=40, width=50) -> dict:
    img = np.arange(40 * 50 * 3).reshape(40, 50, 3).astype(np.uint8)
    instances = [
        dict(bbox=list(box), bbox_label=0, ann_id=i, area=1.)
        for i, box in enumerate(boxes)
    ]
    return dict(
        img=img,
        img_path='a.png',
        height=height,
        width=width,
        instances=instances)


def test_whole_image_and_its_boxes():
    item = make_item((2.5, 3.25, 32.5, 33.75), (40, 30, 60, 50))
    img = item['img']
    packed = PackCrops()(PromptBoxes()(item))
    np.testing.assert_array_equal(packed['inputs'].numpy(),
                                  img.transpose(2, 0, 1)[None])
    gt = packed['data_samples'].gt_instances
    np.testing.assert_array_equal(gt.windows,
                                  [[2, 3, 33, 34], [40, 30, 50, 40]])
    # The prompts keep their fractions.
    np.testing.assert_array_equal(
        gt.bboxes, np.float32([[2.5, 3.25, 32.5, 33.75], [40, 30, 60, 50]]))
    assert 'views' not in gt


def test_truncated_boxes():
    item = PromptBoxes(truncate=True)(make_item((2.5, 3.25, 32.75, 33.5)))
    np.testing.assert_array_equal(item['windows'], [[2, 3, 32, 33]])


def test_image_of_another_size():
    with pytest.raises(InputError, match='a.png has 50x40 pixels'):
        PromptBoxes()(make_item((1, 1, 9, 9), height=41))


def test_options_are_shown():
    assert repr(PromptBoxes()) == 'PromptBoxes(truncate=False)'
