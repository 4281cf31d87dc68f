import json
from types import SimpleNamespace

import numpy as np
import pytest
from mmdet.structures import DetDataSample
from mmengine.logging import MMLogger
from mmengine.structures import InstanceData

from mmboxcaseg.engine.hooks import ProxyMaskHook
from mmboxcaseg.structures import decode_window, encode_window

PROVENANCE = dict(mask_source='tiny@1234')


def make_sample(img_id, shape, objects) -> DetDataSample:
    """An image whose objects are (annotation id, window, area, mask)."""
    ann_ids, windows, areas, masks = zip(*objects)
    sample = DetDataSample(
        gt_instances=InstanceData(
            ann_ids=np.array(ann_ids),
            windows=np.array(windows),
            areas=np.array(areas, dtype=np.float64)),
        pred_instances=InstanceData(masks=list(masks)))
    sample.set_metainfo(dict(img_id=img_id, ori_shape=shape))
    return sample


def full(window) -> np.ndarray:
    x0, y0, x1, y1 = window
    return np.ones((y1 - y0, x1 - x0), dtype=bool)


@pytest.fixture
def samples() -> list:
    """Predictions for the boxes of ``tiny_coco``.

    In image 7 the smaller object (11) lies inside the larger one (5) and
    covers its left part; the mask in image 4 is empty.
    """
    large, small = (2, 3, 33, 34), (2, 3, 18, 34)
    half = full((0, 0, 32, 48))
    half[:, 16:] = False
    return [
        make_sample(7, (40, 50), [(5, large, 961, full(large)),
                                  (11, small, 496, full(small))]),
        make_sample(2, (48, 32), [(8, (0, 0, 32, 48), 1536, half)]),
        make_sample(4, (30, 30),
                    [(3, (10, 10, 15, 16), 30, np.zeros((6, 5), dtype=bool))]),
    ]


@pytest.fixture
def run(tiny_coco, tmp_path, samples):
    """Runs the hook as a test loop would and reads what it wrote."""
    source = tiny_coco()['ann_file']

    def run_hook(batches=((0, 1), (2, )), **kwargs) -> dict:
        out_file = str(tmp_path / 'proxy.json')
        hook = ProxyMaskHook(out_file, source, PROVENANCE, **kwargs)
        hook.writer.prepare()
        runner = SimpleNamespace(logger=MMLogger.get_current_instance())
        for i, batch in enumerate(batches):
            hook.after_test_iter(runner, i, {}, [samples[k] for k in batch])
        hook.after_test_epoch(runner, {})
        with open(out_file) as file:
            data = json.load(file)
        return {ann['id']: ann for ann in data['annotations']}

    return run_hook


def test_masks_are_merged_scored_and_encoded(run):
    anns = run()
    small, large = full((0, 0, 16, 31)), full((0, 0, 31, 31))
    large[:, :16] = False
    assert anns[11]['segmentation'] == encode_window(small, (2, 3), 40, 50)
    assert anns[5]['segmentation'] == encode_window(large, (2, 3), 40, 50)
    # The larger one kept 15 of its 31 columns.
    assert anns[11]['mask_score'] == 1
    assert anns[5]['mask_score'] == round(15 / 31, 4)
    assert anns[8]['mask_score'] == 0.5
    assert anns[3]['mask_score'] == 0
    assert not decode_window(anns[3]['segmentation'], (0, 0, 30, 30)).any()


def test_without_merging(run):
    anns = run(merge=False)
    assert anns[5]['mask_score'] == anns[11]['mask_score'] == 1
    assert decode_window(anns[5]['segmentation'], (2, 3, 33, 34)).all()
    assert anns[8]['mask_score'] == 0.5


def test_masks_lie_at_their_windows(run):
    mask = decode_window(run()[8]['segmentation'], (0, 0, 32, 48))
    assert mask[:, :16].all() and not mask[:, 16:].any()


def test_crowd_is_not_touched(run):
    ann = run()[9]
    assert ann['bbox'] == [4, 4, 10, 10]
    assert 'segmentation' not in ann and 'mask_score' not in ann


def test_batches_do_not_matter(run):
    assert run() == run(batches=((2, ), (1, ), (0, )))


def test_summary_is_printed(run, log):
    run()
    mean = (1 + round(15 / 31, 4) + 0.5 + 0) / 4
    message = log.messages[-1]
    assert f'proxy.json: 4 masks, mean score {mean:.3f}' in message


def test_smaller_means_the_area_of_the_box(run, samples):
    # and not that of the window, which is clipped and snapped
    samples[0].gt_instances.areas = np.array([100., 496.])
    anns = run()
    assert anns[5]['mask_score'] == 1
    assert anns[11]['mask_score'] == 0
