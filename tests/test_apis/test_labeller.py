import subprocess
import sys
from pathlib import Path

import cv2
import image_kinds
import numpy as np
import pytest
import torch
from image_kinds import LOADED, write_kind
from mmengine.config import Config
from mmengine.structures import InstanceData
from pycocotools import mask as mask_utils
from small_data import load_tool

from mmboxcaseg import InputError
from mmboxcaseg.apis import init_labeller, label_boxes
from mmboxcaseg.proxy import load_proxy
from mmboxcaseg.structures import agreement

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs/toy/boxcaseg_hrnetv2-tiny_toy.py'
BOXES = [[10, 5, 70, 60], [30.4, 20.2, 90.7, 79.5], [40, 30, 60, 50]]


@pytest.fixture
def img(rng) -> np.ndarray:
    return cv2.resize(
        rng.integers(0, 256, (8, 10, 3), dtype=np.uint8), (100, 80))


@pytest.fixture
def checkpoint(build_labeller, tmp_path) -> str:
    path = tmp_path / 'labeller.pth'
    torch.save(dict(state_dict=build_labeller().state_dict()), path)
    return str(path)


@pytest.fixture
def model(checkpoint):
    return init_labeller(CONFIG, checkpoint, 'cpu')


def test_masks_stay_in_their_boxes_and_do_not_overlap(model, img):
    masks, scores = label_boxes(model, img, BOXES)
    assert masks.shape == (3, 80, 100) and masks.dtype == bool
    assert masks.sum(axis=0).max() == 1
    windows = [(10, 5, 70, 60), (30, 20, 91, 80), (40, 30, 60, 50)]
    for mask, score, (x0, y0, x1, y1) in zip(masks, scores, windows):
        inside = mask[y0:y1, x0:x1]
        assert mask.sum() == inside.sum() > 0
        assert score == agreement(inside)


def test_without_merging_boxes_know_nothing_of_each_other(model, img):
    masks, scores = label_boxes(model, img, BOXES, merge=False)
    assert masks.sum(axis=0).max() > 1
    for i, box in enumerate(BOXES):
        mask, score = label_boxes(model, img, [box], merge=False)
        np.testing.assert_array_equal(mask[0], masks[i])
        assert score[0] == scores[i]


def test_labeller_without_probabilities(model, img, monkeypatch):
    boxes = [*BOXES, [0, 0, 5, 5]]
    expected, scores = label_boxes(model, img, boxes)
    predict = model.predict

    def predict_plain(*args) -> list:
        sample, = predict(*args)
        masks = [*sample.pred_instances.masks]
        masks[-1][:] = False
        sample.pred_instances = InstanceData(masks=masks)
        return [sample]

    monkeypatch.setattr(model, 'predict', predict_plain)
    masks, others, ious = label_boxes(
        model, img, boxes, with_expected_iou=True)
    np.testing.assert_array_equal(masks[:-1], expected[:-1])
    np.testing.assert_array_equal(others[:-1], scores[:-1])
    assert ious.shape == (4, ) and np.isnan(ious).all()
    with pytest.raises(InputError, match='needs the probabilities'):
        label_boxes(model, img, boxes, merge='probability')


@pytest.mark.parametrize('rule', ['box', 'mask', 'quarter', 'probability'])
def test_merge_rules(model, img, rule):
    masks, _ = label_boxes(model, img, BOXES, merge=rule)
    unmerged, _ = label_boxes(model, img, BOXES, merge=False)
    assert (masks <= unmerged).all()
    np.testing.assert_array_equal(masks.any(axis=0), unmerged.any(axis=0))


def test_expected_iou_on_request(model, img):
    masks, scores, ious = label_boxes(
        model, img, BOXES, with_expected_iou=True)
    for found, expected in zip((masks, scores), label_boxes(model, img,
                                                            BOXES)):
        np.testing.assert_array_equal(found, expected)
    assert ious.shape == (3, ) and ((ious > 0) & (ious < 1)).all()
    _, _, none = label_boxes(model, img, [], with_expected_iou=True)
    assert none.shape == (0, )


@pytest.mark.parametrize('kind', (str, Path))
def test_image_by_path(model, img, tmp_path, kind):
    path = kind(tmp_path / 'a.png')
    cv2.imwrite(str(path), img)
    for found, expected in zip(
            label_boxes(model, path, BOXES), label_boxes(model, img, BOXES)):
        np.testing.assert_array_equal(found, expected)


def test_no_boxes(model, img):
    masks, scores = label_boxes(model, img, [])
    assert masks.shape == (0, 80, 100) and scores.shape == (0, )


@pytest.mark.parametrize(
    'box',
    [[10, 10, 10, 30], [30, 10, 10, 40], [100, 5, 120, 60], [-9, -9, 0, 9]])
def test_bad_box(model, img, box):
    with pytest.raises(
            ValueError, match=r'box 1 \(counted from 0\), .* has no area'):
        label_boxes(model, img, [BOXES[0], box])


@pytest.mark.parametrize('boxes', [[1, 2, 30, 40], [[1, 2, 30, 40, 0.9]]])
def test_boxes_of_another_shape(model, img, boxes):
    with pytest.raises(ValueError, match=r'must have shape \(n, 4\)'):
        label_boxes(model, img, boxes)


def test_images_of_another_form(model, img):
    for other in (img[..., 0], img / 255, np.dstack([img, img[..., :1]])):
        with pytest.raises(ValueError, match='the image must be BGR'):
            label_boxes(model, other, BOXES)


@pytest.mark.parametrize('image', [None, [[[0, 0, 0]]]])
def test_image_that_is_no_array(model, image):
    """cv2.imread() returns None for a missing file."""
    with pytest.raises(ValueError, match='a path or a NumPy array, not '):
        label_boxes(model, image, BOXES)


def test_lost_image(model, tmp_path):
    with pytest.raises(FileNotFoundError):
        label_boxes(model, str(tmp_path / 'lost.png'), BOXES)


@pytest.mark.parametrize('kind, words', [
    ('text', 'text.jpg: the file is not an image'),
    ('empty', 'empty.jpg: the file is not an image'),
    ('grey16', 'grey16.png: it has more than 8 bits'),
    ('cut_png', 'cut_png.png cannot be read'),
])
def test_image_that_is_refused(model, tmp_path, kind, words):
    with pytest.raises(ValueError, match=words):
        label_boxes(model, str(write_kind(kind, tmp_path)), BOXES)


def test_image_of_every_kind(model, tmp_path):
    for kind in LOADED:
        path = str(write_kind(kind, tmp_path))
        masks, _ = label_boxes(model, path, BOXES[:1])
        assert masks.shape == (1, *image_kinds.expected(kind).shape[:2])


def test_detector_is_no_labeller():
    config = ROOT / 'configs/toy/mask-rcnn_r18-tiny_toy.py'
    with pytest.raises(ValueError, match='not the config of a labeller'):
        init_labeller(str(config))


def test_checkpoint_by_path(checkpoint, img, model):
    other = init_labeller(CONFIG, Path(checkpoint), 'cpu')
    np.testing.assert_array_equal(
        label_boxes(other, img, BOXES)[0],
        label_boxes(model, img, BOXES)[0])


def test_checkpoint_without_a_name():
    with pytest.raises(ValueError, match='checkpoint not found'):
        init_labeller(CONFIG, '', 'cpu')


def test_checkpoint_of_another_model(tmp_path):
    path = tmp_path / 'other.pth'
    torch.save(dict(state_dict=torch.nn.Conv2d(1, 1, 1).state_dict()), path)
    with pytest.raises(ValueError, match='other.pth does not fit'):
        init_labeller(Config.fromfile(CONFIG), str(path), 'cpu')


def label_image(*args, fails: bool = False) -> str:
    done = subprocess.run(
        [sys.executable, ROOT / 'tools/label_image.py', *args],
        capture_output=True,
        text=True)
    assert (done.returncode != 0) == fails, done.stderr
    return done.stdout + done.stderr


def test_label_image(model, checkpoint, img, tmp_path):
    path, out = tmp_path / 'a.png', tmp_path / 'out'
    cv2.imwrite(str(path), img)
    xywh = [[x0, y0, x1 - x0, y1 - y0] for x0, y0, x1, y1 in BOXES]
    texts = [','.join(map(str, box)) for box in xywh]
    label_image(path, CONFIG, checkpoint, '--out', out, '--device', 'cpu',
                '--box', *texts)
    coco = load_proxy(str(out / 'a_masks.json'))
    masks, scores, ious = label_boxes(
        model, img, BOXES, with_expected_iou=True)
    assert [ann['expected_iou']
            for ann in coco['annotations']] == pytest.approx(
                ious, abs=1e-5)
    assert [ann['id'] for ann in coco['annotations']] == [1, 2, 3]
    for ann, mask, score, box in zip(coco['annotations'], masks, scores, xywh):
        np.testing.assert_array_equal(
            mask_utils.decode(ann['segmentation']), mask)
        assert ann['bbox'] == pytest.approx(box)
        assert ann['mask_score'] == round(score, 4)
    overlay = cv2.imread(str(out / 'a_masks.png'))
    assert overlay is not None and (overlay.std(axis=(0, 1)) > 0).all()


@pytest.mark.parametrize('box', ['90,70,50,50', '200,5,10,10'])
def test_label_image_next_to_the_image(checkpoint, img, tmp_path, box):
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), img)
    before = path.read_bytes()
    outside = box.startswith('200')
    output = label_image(
        path,
        CONFIG,
        checkpoint,
        '--out',
        tmp_path,
        '--device',
        'cpu',
        '--box',
        box,
        '--cfg-options',
        'model.fusion.alpha=0.6',
        fails=outside)
    assert path.read_bytes() == before
    assert (tmp_path / 'a_masks.png').exists() != outside
    if outside:
        assert output.splitlines()[-1].startswith('box 0 ')
        assert 'Traceback' not in output


def test_empty_mask_is_drawn(img, tmp_path):
    tool = load_tool('label_image')
    for name, boxes in dict(
            with_box=[[10., 5, 70, 60]], without=np.zeros((0, 4))).items():
        tool.draw(img, np.array(boxes), np.zeros((len(boxes), 80, 100), bool),
                  np.zeros(len(boxes)), str(tmp_path / f'{name}.png'))
    drawn = [(tmp_path / f'{name}.png').read_bytes()
             for name in ('with_box', 'without')]
    assert drawn[0] != drawn[1]


def test_label_image_with_bad_box(tmp_path):
    output = label_image(
        'a.png', CONFIG, 'b.pth', '--box', '1,2,3', fails=True)
    assert "'1,2,3' is not a box x,y,width,height" in output


def test_onnx_network(tmp_path):
    """A labeller that loads its weights itself."""
    from onnx_networks import write_network
    path = write_network(tmp_path / 'mean.onnx', scale=1 / 255)
    cfg = Config.fromfile(ROOT / 'configs/onnx/onnx-boxcaseg_coco.py')
    model = init_labeller(cfg, path, 'cpu')
    assert cfg.model.weights is None  # the config of the caller stays
    img = np.zeros((40, 50, 3), np.uint8)
    img[10:30, 10:20] = 255
    masks, scores, ious = label_boxes(
        model, img, [[5, 5, 25, 35]], with_expected_iou=True)
    assert (masks[0] != (img[..., 0] > 0)).mean() < 0.02
    assert 0.2 < scores[0] < 0.6 and ious[0] > 0.9
    for lost in (str(tmp_path / 'lost.onnx'), str(tmp_path)):
        with pytest.raises(ValueError, match='cannot be loaded as an ONNX'):
            init_labeller(cfg, lost, 'cpu')


def test_ious_that_the_model_predicts(tmp_path):
    from promptable import save_model
    cfg = Config.fromfile(ROOT / 'configs/promptable/promptable_coco.py')
    model = init_labeller(cfg, save_model('sam', tmp_path), 'cpu')
    img = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    boxes = [[5, 5, 25, 35], [0, 0, 50, 40]]
    masks, _, ious = label_boxes(
        model, img, boxes, merge=False, with_expected_iou=True)
    assert masks.shape == (2, 40, 50) and not masks[0, :, 25:].any()
    # The random model predicts an IoU that its probabilities do not give.
    item = model.label_pipeline(
        dict(
            img=img,
            img_path='',
            height=40,
            width=50,
            crop_size=None,
            instances=[
                dict(bbox=box, bbox_label=0, ann_id=0, area=1.)
                for box in boxes
            ]))
    sample, = model.test_step({key: [value] for key, value in item.items()})
    predicted = sample.pred_instances.masks.expected_ious
    for mask, iou, own in zip(masks, ious, predicted):
        expected = min(max(own, 0), 1) if mask.any() else 0
        assert iou == pytest.approx(expected)
