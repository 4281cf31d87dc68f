import json
import re
from pathlib import Path

import fastjsonschema
import numpy as np
import pytest
from faster_coco_eval import COCO as FasterCOCO
from pycocotools.coco import COCO

from mmboxcaseg.datasets.coco import load_coco
from mmboxcaseg.datasets.coco.schema import SCHEMA_FILE
from mmboxcaseg.proxy import ProxyWriter, load_proxy
from mmboxcaseg.structures import encode_window

ROOT = Path(__file__).resolve().parents[3]
WINDOW = (5, 6, 25, 21)


def add_mask(data: dict) -> dict:
    """Give annotation 11 a proxy mask, all others stay without."""
    ann = data['annotations'][0]
    ann.update(
        segmentation=encode_window(np.ones((15, 20), bool), WINDOW, 40, 50),
        mask_score=1,
        expected_iou=0.5,
        mask_source='tiny@1234')
    return ann


def validate(data: dict) -> None:
    """Apply schema.json, the published text, to a whole file."""
    fastjsonschema.validate(json.loads(SCHEMA_FILE.read_text()), data)


@pytest.fixture
def proxy_file(tiny_coco, tmp_path) -> str:
    """Written as tools/label.py does; only image 7 was labelled."""
    writer = ProxyWriter(
        str(tmp_path / 'proxy.json'),
        tiny_coco()['ann_file'], dict(mask_source='tiny@1234'))
    writer.prepare()
    mask = np.tri(15, 20, dtype=bool)
    writer.append(0, 7, [
        dict(
            id=11,
            segmentation=encode_window(mask, WINDOW, 40, 50),
            mask_score=0.75),
        dict(
            id=5,
            segmentation=encode_window(mask & False, WINDOW, 40, 50),
            mask_score=0)
    ])
    writer.finish()
    return writer.out_file


def test_file_of_the_writer(proxy_file):
    data = load_proxy(proxy_file)
    assert data == json.loads(Path(proxy_file).read_text())
    validate(data)


@pytest.mark.parametrize('reader', [COCO, FasterCOCO])
def test_file_opens_elsewhere(proxy_file, reader):
    coco = reader(proxy_file)
    expected = np.zeros((40, 50), dtype=np.uint8)
    expected[6:21, 5:25] = np.tri(15, 20)
    ann = coco.loadAnns([11])[0]
    assert ann['mask_score'] == 0.75
    np.testing.assert_array_equal(coco.annToMask(ann), expected)
    assert not coco.annToMask(coco.loadAnns([5])[0]).any()


def test_boxes_alone(tiny_coco):
    path = tiny_coco()['ann_file']
    validate(load_coco(path))
    with pytest.raises(ValueError) as error:
        load_proxy(path)
    for part in (path, 'none of 5 annotations', 'tools/label.py'):
        assert part in str(error.value)


@pytest.mark.parametrize('segmentation', [[[1, 2, 3, 4, 5, 6]], [], None,
                                          dict(size=[1, 1], counts=[1]),
                                          dict(size=[40, 50], counts='PPYo0')])
def test_segmentation_of_the_source(tiny_coco, segmentation):
    # Crowds and boxes that were not labelled keep what they came with.
    def edit(data):
        add_mask(data)
        for ann in data['annotations'][1:]:
            ann['segmentation'] = segmentation

    data = load_proxy(tiny_coco(edit)['ann_file'])
    validate(data)
    for ann in data['annotations'][1:]:
        assert ann['segmentation'] == segmentation


def change(**values):
    return lambda ann: ann.update(values)


def remove(key):
    return lambda ann: ann.pop(key)


def resize(**values):
    return lambda ann: ann['segmentation'].update(values)


# How annotation 11 is broken, and what the message says.
BROKEN = [
    (change(mask_score=1.01), '`mask_score` is not a number in [0, 1]'),
    (change(mask_score=-0.1), '`mask_score` is not a number in [0, 1]'),
    (change(mask_score='1'), '`mask_score` is not a number in [0, 1]'),
    (change(mask_score=None), '`mask_score` is not a number in [0, 1]'),
    (change(expected_iou=1.01), '`expected_iou` is not a number in [0, 1]'),
    (change(expected_iou=-0.1), '`expected_iou` is not a number in [0, 1]'),
    (change(expected_iou='1'), '`expected_iou` is not a number in [0, 1]'),
    (change(predicted_iou='1'), '`predicted_iou` is not a number or null'),
    (change(mask_source=3), '`mask_source` is not a string'),
    (change(segmentation=[[5, 6, 25, 6]]), 'or a list of polygons'),
    (change(segmentation=[5, 6, 25, 6, 25, 21]), 'or a list of polygons'),
    (change(segmentation=None), 'not a compressed RLE'),
    (resize(counts=[3, 4]), 'not a compressed RLE'),
    (resize(counts=''), 'not a compressed RLE'),
    (resize(counts='a b'), 'not a compressed RLE'),
    (resize(size=[40]), 'not a compressed RLE'),
    (remove('mask_score'), 'needed together'),
    (remove('mask_source'), 'needed together'),
    (remove('segmentation'), 'needed together'),
    (change(bbox=[1, 2, 3]), '`bbox` is not four finite numbers'),
    (change(iscrowd=2), '`iscrowd` is not 0 or 1'),
    (change(image_id='7'), '`image_id` is not an integer'),
    (remove('bbox'), 'it has no `bbox`'),
]
# What only the reader can see.
MISFITS = [
    (change(segmentation=[[5, 6, 25, 6, 25, 21, 3]]), 'an odd number'),
    (change(segmentation=[[5, 6, 25, 6, 25, 1e7]]), 'far outside its image'),
    (resize(size=[50, 40]), '`size` of its RLE is not [height, width]'),
    (change(image_id=2), '`size` of its RLE is not [height, width]'),
    (change(mask_score=float('nan')), '`mask_score` is not a number in'),
    (change(bbox=[1, 2, 3, float('inf')]), '`bbox` is not four finite'),
    (change(image_id=99), 'its image_id is not in `images`'),
    (change(category_id=99), 'its category_id is not in `categories`'),
]


@pytest.mark.parametrize('spoil, problem', BROKEN + MISFITS)
def test_broken_annotation(tiny_coco, spoil, problem):
    path = tiny_coco(lambda data: spoil(add_mask(data)))['ann_file']
    with pytest.raises(ValueError) as error:
        load_proxy(path)
    message = str(error.value)
    assert path in message
    assert re.search(re.escape(problem) + '.*: annotation 11\n', message)
    assert 'Correct or remove' in message


@pytest.mark.parametrize('spoil, problem', BROKEN)
def test_schema_alone_finds_it(tiny_coco, spoil, problem):
    data = json.loads(Path(tiny_coco(add_mask)['ann_file']).read_text())
    validate(data)
    spoil(data['annotations'][0])
    with pytest.raises(fastjsonschema.JsonSchemaValueException):
        validate(data)


@pytest.mark.parametrize('spoil, problem', [
    (lambda d: d['annotations'][1].update(id=11), 'annotation 11'),
    (lambda d: d['images'][1].update(id=7), 'image 7'),
    (lambda d: d['categories'][1].update(id=3), 'category 3'),
])
def test_id_that_is_not_unique(tiny_coco, spoil, problem):
    with pytest.raises(ValueError, match=f'not unique: {problem}'):
        load_coco(tiny_coco(spoil)['ann_file'])


@pytest.mark.parametrize('spoil, problem', [
    (lambda d: d['images'].append(17), r'not a JSON object: image \[3\]'),
    (lambda d: d['images'][0].update(width=0), '`width` is not .*: image 7'),
    (lambda d: d['categories'][1].pop('name'), 'no `name`: category 1'),
    (lambda d: d.update(info=dict(mmboxcaseg=dict())), '`info`: `mmboxcaseg`'),
    (lambda d: d.update(info=[]), '`info`: it is not a JSON object'),
    (lambda d: d.update(images=dict(a=1)), 'an object `images`, but it'),
    (lambda d: d.update(annotations={}), 'an object `annotations`, but it'),
    (lambda d: d.update(images=[]), 'has no images'),
    (lambda d: d['images'][0].update(id=2**63), '`id` is not an integer'),
    (lambda d: d['categories'][0].update(id=-2**64), '`id` is not an integer'),
    (lambda d: d['annotations'][0].update(id=2**63), '`id` is not an integer'),
    (lambda d: d['annotations'][0].update(image_id=2**63),
     '`image_id` is not an integer'),
    (lambda d: d['categories'][0].update(name=d['categories'][1]['name']),
     'several categories have the same name'),
])
def test_other_parts(tiny_coco, spoil, problem):
    path = tiny_coco(spoil)['ann_file']
    with pytest.raises(ValueError, match=problem) as error:
        load_coco(path)
    assert path in str(error.value)


def test_example_of_the_docs(tmp_path):
    text = (ROOT / 'docs' / 'proxy_file.md').read_text(encoding='utf-8')
    example = re.search(r'```json\n(.*?)```', text, re.DOTALL).group(1)
    path = tmp_path / 'example.json'
    path.write_text(example)
    data = load_proxy(str(path))
    validate(data)
    ann = data['annotations'][0]
    mask = COCO(str(path)).annToMask(ann)
    x, y, w, h = ann['bbox']
    assert mask[y:y + h, x:x + w].sum() == mask.sum() > 0
    fields = json.loads(SCHEMA_FILE.read_text())['definitions']['annotation']
    for field in fields['properties']:
        assert f'`{field}`' in text
