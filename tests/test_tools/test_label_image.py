"""Arguments that label_image.py takes and refuses."""
import json

import pytest
from pycocotools import mask as mask_utils
from small_data import run_tool
from spoil import NO_CHECKPOINT


def test_boxes_that_begin_outside_the_image(monkeypatch, data, checkpoint):
    monkeypatch.chdir(data.folder)
    run_tool(monkeypatch, 'label_image', 'images/a.png', 'labeller.py',
             checkpoint, '--box', '1,1,9,9', '-5,-2,15,12', '-.5,2,9,9',
             '--out', 'out', '--device', 'cpu')
    written = json.loads((data.folder / 'out/a_masks.json').read_text())
    boxes = [ann['bbox'] for ann in written['annotations']]
    assert boxes == [[1, 1, 9, 9], [-5, -2, 15, 12], [-.5, 2, 9, 9]]


def test_repeated_option(monkeypatch, data, checkpoint):
    """Each --box adds its boxes: none is lost."""
    monkeypatch.chdir(data.folder)
    run_tool(monkeypatch, 'label_image', 'images/a.png', 'labeller.py',
             checkpoint, '--box', '1,1,9,9', '--box', '2,2,9,9', '--out',
             'out', '--device', 'cpu')
    written = json.loads((data.folder / 'out/a_masks.json').read_text())
    boxes = [ann['bbox'] for ann in written['annotations']]
    assert boxes == [[1, 1, 9, 9], [2, 2, 9, 9]]


@pytest.mark.parametrize('options, window', [
    ((), [1, 2, 10, 9]),
    (('--truncate', ), [1, 2, 8, 8]),
])
def test_truncate(monkeypatch, data, checkpoint, options, window):
    monkeypatch.chdir(data.folder)
    run_tool(monkeypatch, 'label_image', 'images/a.png', 'labeller.py',
             checkpoint, '--box', '1.9,2.5,8.2,8', '--out', 'out', '--device',
             'cpu', '--cfg-options', 'model.test_cfg.threshold=-1', *options)
    written = json.loads((data.folder / 'out/a_masks.json').read_text())
    mask = written['annotations'][0]['segmentation']
    assert mask_utils.toBbox(mask).tolist() == window


@pytest.mark.parametrize('values, words', [
    (dict(image='no.png'), 'image not found'),
    (dict(image='boxes.json'), 'the file is not an image'),
    (dict(config='detector.py'), 'not the config of a labeller'),
    (dict(checkpoint='boxes.json'), NO_CHECKPOINT),
    (dict(boxes='1,2,3'), "'1,2,3' is not a box"),
    (dict(boxes='-1,2,3'), "'-1,2,3' is not a box"),
    (dict(boxes='1,2,nan,4'), "'1,2,nan,4' is not a box"),
    (dict(boxes='1,2,inf,4'), "'1,2,inf,4' is not a box"),
    (dict(boxes='90,90,5,5'), '[x0, y0, x1, y1] = [90.0, 90.0, 95.0, 95.0], '
     'has no area inside the image of 50x40'),
    (dict(out='boxes.json'), 'boxes.json cannot be written'),
    (dict(device='gpu'), "'gpu' cannot be used here"),
])
def test_label_image(monkeypatch, refused, data, checkpoint, values, words):
    monkeypatch.chdir(data.folder)
    args = dict(
        image='images/a.png',
        config='labeller.py',
        checkpoint=checkpoint,
        boxes='1,1,9,9',
        out='out',
        device='cpu')
    args.update(values)
    output = refused('label_image', args['image'], args['config'],
                     args['checkpoint'], '--box', args['boxes'], '--out',
                     args['out'], '--device', args['device'])
    assert words in output
