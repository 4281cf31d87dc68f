"""Exports read by the other programs' own packages, and what these write."""
import json
import sys
from functools import partial
from pathlib import Path
from typing import Dict

import numpy as np
import pytest
from odd_masks import add_masks
from other_envs import environment
from pycocotools import mask as mask_utils
from small_data import printed_by

from mmboxcaseg.proxy import apply_review, load_proxy

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]

DATUMARO = '''
import json, sys
from datumaro.components.dataset import Dataset
from pycocotools import mask as mask_utils
import numpy as np
folder, kind, out, out_kind = sys.argv[1:]
data = Dataset.import_from(folder, kind)
labels = data.categories()[[k for k in data.categories()
                            if k.name == 'label'][0]]
found = []
for item in data:
    for ann in item.annotations:
        pixels = None
        height, width = item.media.size
        if ann.type.name == 'mask':
            pixels = np.asarray(ann.image, dtype=np.uint8)
        elif ann.type.name == 'polygon':
            rles = mask_utils.frPyObjects([list(ann.points)], height, width)
            pixels = mask_utils.decode(mask_utils.merge(rles))
        found.append(dict(
            image=item.id, kind=ann.type.name, label=labels[ann.label].name,
            attributes={k: str(v) for k, v in ann.attributes.items()},
            pixels=None if pixels is None else pixels.tolist()))
        if kind == 'coco':
            # CVAT writes every mask so.
            ann.attributes['is_crowd'] = True
if out_kind != '-':
    data.export(out, out_kind, save_media=False)
print()
print(json.dumps(found))
'''
CVAT = '''
import json, sys
from xml.etree import ElementTree
from cvat_sdk.masks import decode_mask, encode_mask
found = {}
for image in ElementTree.parse(sys.argv[1]).getroot().findall('image'):
    for mask in image.findall('mask'):
        x, y, w, h = (int(mask.get(k))
                      for k in ('left', 'top', 'width', 'height'))
        runs = [int(run) for run in mask.get('rle').split(',')]
        points = runs + [x, y, x + w - 1, y + h - 1]
        pixels = decode_mask(points, image_width=int(image.get('width')),
                             image_height=int(image.get('height')))
        assert encode_mask(pixels) == points
        found[mask[0].text] = pixels.astype(int).tolist()
print(json.dumps(found))
'''
LABEL_STUDIO = '''
import json, sys
import numpy as np
from label_studio_sdk.converter import Converter, brush
from label_studio_sdk.label_interface import LabelInterface
tasks = json.load(open(sys.argv[1]))
config = open(sys.argv[1] + '.label_config.xml').read()
interface = LabelInterface(config)
found = {}
for i, task in enumerate(tasks):
    assert interface.validate_annotation(task['annotations'][0])
    for region in task['annotations'][0]['result']:
        assert interface.validate_region(region), region
        if region['type'] == 'brushlabels':
            layers = brush.decode_from_annotation('brush', [dict(
                region['value'], type=region['type'],
                original_width=region['original_width'],
                original_height=region['original_height'])])
            pixels, = layers.values()
            found[region['id']] = (pixels > 0).astype(int).tolist()
    # What the server adds.
    task.update(id=i + 1)
    task['annotations'][0].update(id=i + 1, completed_by=1)
json.dump(tasks, open(sys.argv[1] + '.server.json', 'w'))
if sys.argv[2] != '-':
    Converter(config, project_dir='.').convert_to_coco(
        sys.argv[1] + '.server.json', sys.argv[2], is_dir=False)
print(json.dumps(found))
'''
FIFTYONE = '''
import importlib.util, json, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location('review', sys.argv[1])
review = importlib.util.module_from_spec(spec)
spec.loader.exec_module(review)
proxy, images = map(Path, sys.argv[2:])
name = 'mmboxcaseg-test'
if review.fo.dataset_exists(name):
    review.fo.delete_dataset(name)
dataset = review.load(proxy, images, name)
tags = {11: ['keep'], 5: ['drop', 'mine'], 9: ['drop']}
found = {}
for sample in dataset:
    for mask in sample.ground_truth.detections:
        mask.tags = tags.get(mask.coco_id, [])
        found[mask.coco_id] = dict(
            label=mask.label, score=mask['mask_score'],
            source=mask['mask_source'], box=mask.bounding_box,
            pixels=mask.mask.astype(int).tolist())
    sample.save()
assert review.load(proxy, images, name).count() == dataset.count()
result = dict(masks=found, review=review.review(dataset, proxy))
# Another file of the same name: the old masks must not get its fingerprint.
other = json.loads(proxy.read_text())
other['annotations'] = other['annotations'][1:]
proxy = Path(str(proxy) + '.new')
proxy.write_text(json.dumps(other))
try:
    review.load(proxy, images, name)
except SystemExit as error:
    result['refused'] = str(error)
review.fo.delete_dataset(name)
print()
print(json.dumps(result))
'''


@pytest.fixture
def proxy(tiny_coco) -> Path:
    """11: two parts; 5: a hole; 8: empty; 9: a crowd; 3: a low score."""
    return Path(tiny_coco(add_masks)['ann_file'])


def masks_of(path: Path) -> Dict[int, np.ndarray]:
    return {
        ann['id']: mask_utils.decode(ann['segmentation'])
        for ann in load_proxy(str(path))['annotations'] if 'mask_score' in ann
    }


def assert_masks(found: dict, expected: Dict[int, np.ndarray]) -> None:
    assert sorted(map(int, found)) == sorted(expected)
    for key, pixels in found.items():
        np.testing.assert_array_equal(pixels, expected[int(key)])


def without_empty(masks: Dict[int, np.ndarray]) -> Dict[int, np.ndarray]:
    return {key: mask for key, mask in masks.items() if mask.any()}


def filled(masks: Dict[int, np.ndarray]) -> Dict[int, np.ndarray]:
    """Masks as polygons without holes: that of 5 is filled."""
    result = {key: mask.copy() for key, mask in masks.items()}
    result[5][10:14, 10:14] = 1
    return result


@pytest.mark.parametrize('options', [(), ('--polygons', '0')])
def test_cvat_by_datumaro(tool, proxy, tmp_path, options):
    """datumaro began as part of CVAT. What it writes is read back."""
    env, folder = environment('datumaro'), tmp_path / 'cvat'
    folder.mkdir()
    (folder / 'images').symlink_to(tmp_path / 'images')
    xml, out = folder / 'masks.xml', tmp_path / 'out.json'
    tool('export_masks', '--format', 'cvat', proxy, xml, *options)
    shapes = env.run(DATUMARO, folder, 'cvat', tmp_path / 'again', 'cvat')
    parts = {}
    for shape in shapes:
        key = int(shape['attributes']['annotation_id'])
        assert shape['label'] == ('dog' if key in (5, 3) else 'cat')
        assert shape['attributes']['mask_source'] == 'tiny@1234'
        if shape['pixels'] is None:
            assert (key, shape['kind']) == (8, 'bbox')
        else:
            parts[key] = np.maximum(parts.get(key, 0), shape['pixels'])
    masks = without_empty(masks_of(proxy))
    assert_masks(parts, filled(masks) if options else masks)

    again, = (tmp_path / 'again').rglob('*.xml')
    printed = tool('import_masks', '--format', 'cvat', proxy, again, out,
                   *options)
    assert '0 masks corrected' in printed


def test_masks_of_cvat_sdk(tool, proxy, tmp_path):
    xml = tmp_path / 'masks.xml'
    tool('export_masks', '--format', 'cvat', proxy, xml)
    found = environment('cvat').run(CVAT, xml)
    assert_masks(found, without_empty(masks_of(proxy)))


@pytest.fixture
def merge(monkeypatch, capsys):
    """Runs merge_masks.py and returns what it printed."""
    return partial(printed_by, monkeypatch, capsys, 'merge_masks')


def test_coco_of_datumaro(merge, proxy, tmp_path):
    """As CVAT exports COCO: new ids, all masks as crowds."""
    folder, out = tmp_path / 'coco', tmp_path / 'out.json'
    (folder / 'annotations').mkdir(parents=True)
    (folder / 'images').symlink_to(tmp_path / 'images')
    data = json.loads(proxy.read_text())
    data['annotations'] = [
        ann for ann in data['annotations'] if ann['id'] in (11, 5, 3)
    ]
    (folder / 'annotations/instances_a.json').write_text(json.dumps(data))
    shapes = environment('datumaro').run(DATUMARO, folder, 'coco',
                                         tmp_path / 'again', 'coco')
    expected = without_empty(masks_of(proxy))
    found = [np.sum(s['pixels']) for s in shapes if s['kind'] == 'mask']
    assert sorted(found) == sorted(mask.sum() for mask in expected.values())
    again, = (tmp_path / 'again').rglob('instances*.json')
    printed = merge(proxy, again, out, '--crowds', '--no-merge', '--no-clip',
                    '--min-iou', '0.5')
    assert '1 of 4 boxes have no prediction' in printed
    assert_masks(without_empty(masks_of(out)), expected)


def test_brush_of_label_studio(tool, proxy, tmp_path, monkeypatch):
    env = environment('label_studio')
    tasks, out = tmp_path / 'tasks.json', tmp_path / 'out.json'
    monkeypatch.setattr(sys, 'path', [*sys.path, env.packages()])
    tool('export_masks', '--format', 'label-studio', proxy, tasks)
    found = {
        key.split('_')[1]: pixels
        for key, pixels in env.run(LABEL_STUDIO, tasks, '-').items()
    }
    assert_masks(found, without_empty(masks_of(proxy)))
    printed = tool('import_masks', '--format', 'label-studio', proxy,
                   f'{tasks}.server.json', out)
    assert '0 masks corrected' in printed


def test_polygons_of_label_studio(tool, merge, proxy, tmp_path):
    """Its COCO export has one annotation per polygon, with new ids."""
    tasks, out = tmp_path / 'tasks.json', tmp_path / 'out.json'
    tool('export_masks', '--format', 'label-studio', proxy, tasks,
         '--polygons', '0', '--image-root', f'{tmp_path}/images/')
    environment('label_studio').run(LABEL_STUDIO, tasks, tmp_path / 'coco')
    printed = merge(proxy, tmp_path / 'coco/result.json', out, '--no-merge',
                    '--min-iou', '0.5')
    expected = filled(masks_of(proxy))
    # The two parts of 11 do not fit its box.
    assert '2 of 4 predictions left out' in printed
    found = masks_of(out)
    for key in (5, 3):
        np.testing.assert_array_equal(found[key], expected[key])


def test_fiftyone(proxy, tmp_path):
    script = ROOT / 'docs/examples/fiftyone_review.py'
    result = environment('fiftyone').run(FIFTYONE, script, proxy,
                                         tmp_path / 'images')
    data = {ann['id']: ann for ann in load_proxy(str(proxy))['annotations']}
    found = {int(key): mask for key, mask in result['masks'].items()}
    assert sorted(found) == [3, 5, 8, 11]
    for key, mask in found.items():
        ann, expected = data[key], mask_utils.decode(data[key]['segmentation'])
        assert mask['score'] == ann['mask_score']
        assert mask['source'] == 'tiny@1234'
        height, width = expected.shape
        x, y = (round(v * s) for v, s in zip(mask['box'], (width, height)))
        pixels = np.zeros_like(expected)
        h, w = np.shape(mask['pixels'])
        pixels[y:y + h, x:x + w] = mask['pixels']
        np.testing.assert_array_equal(pixels, expected)
    decisions = tmp_path / 'decisions.json'
    decisions.write_text(json.dumps(result['review']))
    reviewed, counts = apply_review(str(proxy), str(decisions))
    assert counts == dict(keep=1, drop=1, open=2)
    weights = {a['id']: a.get('mask_weight') for a in reviewed['annotations']}
    assert (weights[11], weights[5]) == (1, 0)
    assert 'choose another --name' in result['refused']
