"""proxy_to_labelme.py, labelme_to_proxy.py and proxy_to_yolo.py."""
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labelformat.formats.yolov8 import (YOLOv8InstanceSegmentationInput,
                                        YOLOv8ObjectDetectionInput)
from labelformat.model.bounding_box import BoundingBoxFormat
from mmengine.fileio import load
from odd_masks import add_masks
from proxy_files import edit_annotations
from pycocotools import mask as mask_utils

from mmboxcaseg.proxy import load_proxy
from mmboxcaseg.structures import to_rle


@pytest.fixture
def proxy(tiny_coco) -> dict:
    """Arguments of a dataset, ``ann_file`` is a proxy file."""
    return tiny_coco(add_masks)


@pytest.fixture
def exported(tool, proxy, tmp_path) -> Path:
    folder = tmp_path / 'labelme'
    printed = tool('proxy_to_labelme', proxy['ann_file'],
                   proxy['data_prefix']['img'], folder)
    assert ('3 masks as 4 polygons, 1 holes in 1 masks filled, 1 empty masks '
            'left out') in printed
    return folder


def by_id(path) -> dict:
    return {ann['id']: ann for ann in load_proxy(str(path))['annotations']}


def test_labelme_finds_the_images(exported):
    assert sorted(os.listdir(exported)) == ['a.json', 'b.json', 'c.json']
    for path in exported.iterdir():
        content = json.loads(path.read_text())
        assert (path.parent / content['imagePath']).resolve().exists()


def test_untouched_masks_are_kept(tool, proxy, exported, tmp_path):
    out = tmp_path / 'out.json'
    printed = tool('labelme_to_proxy', proxy['ann_file'], exported, out)
    assert '0 masks corrected' in printed
    # also those with a hole
    assert by_id(out) == by_id(proxy['ann_file'])


def test_corrected_masks_come_back(tool, proxy, exported, tmp_path):
    content = json.loads((exported / 'a.json').read_text())
    content['shapes'] = [
        shape for shape in content['shapes'] if shape['group_id'] != 11
    ]
    square = [[1, 2], [9, 2], [9, 8], [1, 8]]
    content['shapes'][0]['points'] = square
    content['shapes'].append(dict(content['shapes'][0], group_id=None))
    (exported / 'a.json').write_text(json.dumps(content))
    (exported / 'b.json').rename(exported / 'z.json')

    out = tmp_path / 'out.json'
    printed = tool('labelme_to_proxy', proxy['ann_file'], exported, out)
    for line in ('2 masks corrected, of which 1 were emptied',
                 'as they are: b.json', 'in the proxy file: z.json',
                 f'annotation of the image: {exported}/a.json [1] (dog)'):
        assert line in printed
    old, new = by_id(proxy['ann_file']), by_id(out)
    mask = mask_utils.decode(new[5]['segmentation'])
    assert mask.sum() == mask[2:8, 1:9].sum() == 48
    assert new[5]['mask_score'] == 1 and new[11]['mask_score'] == 0
    assert new[5]['mask_source'] == new[11]['mask_source'] == 'human'
    for ann_id in (8, 9, 3):
        assert new[ann_id] == old[ann_id]
    assert load_proxy(str(out))['info']['mmboxcaseg']['corrected'] == dict(
        mask_source='tiny@1234')


def test_edited_files_are_not_overwritten(tool, proxy, exported):
    with pytest.raises(SystemExit, match='exists'):
        tool('proxy_to_labelme', proxy['ann_file'],
             proxy['data_prefix']['img'], exported)


def test_folder_without_labelme_files(tool, proxy, tmp_path):
    empty = tmp_path / 'empty'
    empty.mkdir()
    with pytest.raises(SystemExit, match='no labelme file.*such as a.json'):
        tool('labelme_to_proxy', proxy['ann_file'], empty, tmp_path / 'o.json')


def read_yolo(path: Path, height: int, width: int) -> list:
    """Read class and mask of every line."""
    objects = []
    for line in path.read_text().splitlines():
        label, *numbers = line.split()
        points = np.array(numbers, float).reshape(-1, 2) * [width, height]
        rle = to_rle([points.ravel().tolist()], height, width)
        objects.append((int(label), mask_utils.decode(rle)))
    return objects


@pytest.mark.parametrize('parts, area, said', [
    ('join', 7 * 15 + 4 * 5, '1 masks of several parts joined'),
    ('largest', 7 * 15, '1 masks of several parts cut to the largest'),
])
def test_yolo(tool, proxy, tmp_path, parts, area, said):
    out = tmp_path / 'yolo'
    printed = tool('proxy_to_yolo', proxy['ann_file'], out, '--parts', parts,
                   '--split', 'val')
    for text in (said, '3 masks written', '1 empty masks left out: 8',
                 '1 annotations without a mask left out: 9',
                 '1 masks had holes, which were filled: 5'):
        assert text in printed
    (two, hole), none, (low, ) = (read_yolo(
        out / 'labels' / f'{name}.txt',
        *size) for name, size in dict(a=(40, 50), b=(48, 32), c=(30,
                                                                 30)).items())
    # The classes are cat and dog, in the order of the file.
    assert (two[0], hole[0], low[0], none) == (0, 1, 1, [])
    # The line that joins the parts may cover pixels on its way.
    assert area <= two[1].sum() <= area * 1.1
    assert two[1][6:21, 5:12].all()
    assert two[1][6:10, 20:25].all() == (parts == 'join')
    assert hole[1].sum() == hole[1][5:30, 5:30].sum() == 25 * 25
    yaml = load(out / 'data.yaml')
    assert yaml['names'] == {0: 'cat', 1: 'dog'}
    assert yaml['val'] == 'images'


def test_labelformat_reads_the_labels(tool, proxy, tmp_path):
    """An independent reader finds the same boxes, masks and classes."""
    objects = []
    for name, reader, options in (('boxes', YOLOv8ObjectDetectionInput, [
            '--boxes-only'
    ]), ('masks', YOLOv8InstanceSegmentationInput, [])):
        out = tmp_path / name
        tool('proxy_to_yolo', proxy['ann_file'], out, *options)
        (out / 'images').symlink_to(proxy['data_prefix']['img'])
        labels = {
            label.image.filename: label.objects
            for label in reader(out / 'data.yaml', 'train').get_labels()
        }
        objects.append(labels['c.png'][0])
    box, mask = objects
    assert box.category.name == mask.category.name == 'dog'
    assert box.box.to_format(BoundingBoxFormat.XYWH) == [10, 10, 5, 6]
    points = np.array(mask.segmentation.polygons[0])
    assert points.min(0).tolist() == [10, 10]
    assert points.max(0).tolist() == [15, 16]


def test_yolo_refuses_several_parts(tool, proxy, tmp_path):
    out = tmp_path / 'yolo'
    with pytest.raises(SystemExit, match='annotation 11 has 2 parts.*join'):
        tool('proxy_to_yolo', proxy['ann_file'], out, '--parts', 'error')
    assert not [name for name in os.listdir(tmp_path) if 'yolo' in name]


def test_yolo_without_low_scores(tool, proxy, tmp_path):
    out = tmp_path / 'yolo'
    printed = tool('proxy_to_yolo', proxy['ann_file'], out, '--min-score', 0.9)
    assert '2 masks written' in printed
    assert '2 masks under --min-score left out: 8, 3' in printed
    assert (out / 'labels' / 'c.txt').read_text() == ''


def test_yolo_with_kept_masks(tool, proxy, tmp_path):
    """The weight decides, whatever the score."""
    edit_annotations(proxy['ann_file'],
                     lambda anns: anns[-1].update(mask_weight=1))
    out = tmp_path / 'yolo'
    printed = tool('proxy_to_yolo', proxy['ann_file'], out, '--min-score', 0.9)
    assert '3 masks written' in printed
    assert '1 masks under --min-score left out: 8' in printed


def test_yolo_without_dropped_masks(tool, proxy, tmp_path):
    edit_annotations(proxy['ann_file'],
                     lambda anns: anns[1].update(mask_weight=0))
    out = tmp_path / 'yolo'
    printed = tool('proxy_to_yolo', proxy['ann_file'], out)
    assert '2 masks written' in printed
    assert '1 masks with `mask_weight` 0 left out: 5' in printed


def test_yolo_leaves_out_ignored_masks(tool, proxy, tmp_path):
    """YOLO would train on them; mmdet does not."""

    def change(anns):
        anns[0]['ignore'] = 1
        anns[1]['iscrowd'] = 1

    edit_annotations(proxy['ann_file'], change)
    printed = tool('proxy_to_yolo', proxy['ann_file'], tmp_path / 'yolo')
    for text in ('1 masks marked `ignore` left out: 11',
                 '1 crowds left out: 5', '1 masks written'):
        assert text in printed


def test_yolo_leaves_out_ignored_boxes(tool, tiny_coco, tmp_path):
    source = tiny_coco(lambda data: data['annotations'][0].update(ignore=1))
    printed = tool('proxy_to_yolo', source['ann_file'], tmp_path / 'yolo',
                   '--boxes-only')
    assert '3 boxes written' in printed
    assert '1 boxes marked `ignore` left out: 11' in printed


def test_yolo_boxes_come_back(tool, tiny_coco, tmp_path):
    """Boxes do not change when exported and converted back to COCO."""
    source = tiny_coco()
    images = source['data_prefix']['img']
    out, coco = tmp_path / 'yolo', tmp_path / 'boxes.json'
    printed = tool('proxy_to_yolo', source['ann_file'], out, '--boxes-only')
    assert '4 boxes written' in printed and '1 crowds left out: 9' in printed
    tool('boxes_to_coco', '--format', 'yolo', '--classes', out / 'data.yaml',
         out / 'labels', images, coco)

    def boxes(path) -> list:
        data = load(path)
        names = {cat['id']: cat['name'] for cat in data['categories']}
        files = {img['id']: img['file_name'] for img in data['images']}
        return sorted(
            (files[ann['image_id']], names[ann['category_id']], ann['bbox'])
            for ann in data['annotations'] if not ann.get('iscrowd'))

    assert boxes(coco) == boxes(source['ann_file'])


BOX = st.tuples(*[st.floats(-20, 60).map(lambda v: round(v, 3))] * 2,
                *[st.floats(0, 70).map(lambda v: round(v, 3))] * 2)


@given(boxes=st.lists(BOX, max_size=6))
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_yolo_boxes_round_trip(tool, tmp_path_factory, boxes):
    """boxes_to_coco.py reads all exported boxes, and clips nothing."""
    folder = tmp_path_factory.mktemp('round_trip')
    (folder / 'images').mkdir()
    cv2.imwrite(str(folder / 'images/a.png'), np.zeros((40, 50, 3)))
    annotations = [
        dict(id=i, image_id=1, category_id=1, bbox=list(box), iscrowd=0)
        for i, box in enumerate([(3, 4, 5, 6), *boxes])
    ]
    source = folder / 'source.json'
    source.write_text(
        json.dumps(
            dict(
                images=[dict(id=1, file_name='a.png', height=40, width=50)],
                categories=[dict(id=1, name='007')],
                annotations=annotations)))
    tool('proxy_to_yolo', source, folder / 'yolo', '--boxes-only')
    printed = tool('boxes_to_coco', '--format', 'yolo', '--classes',
                   folder / 'yolo/data.yaml', folder / 'yolo/labels',
                   folder / 'images', folder / 'back.json', '--nproc', 1)
    assert 'left out' not in printed and 'clipped' not in printed
    back = load(folder / 'back.json')
    assert back['categories'][0]['name'] == '007'

    expected = []
    for x, y, w, h in [(3, 4, 5, 6), *boxes]:
        x0, y0 = max(x, 0), max(y, 0)
        x1, y1 = min(x + w, 50), min(y + h, 40)
        if x1 - x0 > .02 and y1 - y0 > .02:
            expected.append([x0, y0, x1 - x0, y1 - y0])
    found = [
        ann['bbox'] for ann in back['annotations']
        if min(ann['bbox'][2:]) > .02
    ]
    np.testing.assert_allclose(found, expected, atol=.0201)


def test_yolo_boxes_that_leave_the_image(tool, tiny_coco, tmp_path):

    def edit(data):
        # Clipped, without width, outside.
        boxes = [40, 30, 20, 20], [5, 5, 0, 9], [40, 2, 5, 5]
        for ann, box in zip(data['annotations'], boxes):
            ann['bbox'] = box

    out = tmp_path / 'yolo'
    printed = tool('proxy_to_yolo',
                   tiny_coco(edit)['ann_file'], out, '--boxes-only')
    for text in ('1 boxes clipped: box that leaves its image: 11',
                 '1 boxes left out: box without area, with swapped corners, '
                 'NaN or infinite: 5',
                 '1 boxes left out: box outside its image: 8',
                 '1 crowds left out: 9', '2 boxes written'):
        assert text in printed
    assert (out / 'labels/a.txt').read_text() == '0 0.9 0.875 0.2 0.25\n'
    assert (out / 'labels/b.txt').read_text() == ''


def test_yolo_without_broken_annotations(tool, tiny_coco, tmp_path):

    def edit(data):
        del data['annotations'][0]['bbox']
        data['images'][2]['width'] = 0  # the image of annotation 3

    source, out = tiny_coco(edit)['ann_file'], tmp_path / 'yolo'
    with pytest.raises(SystemExit, match='cannot be used'):
        tool('proxy_to_yolo', source, out, '--boxes-only')
    printed = tool('proxy_to_yolo', source, out, '--boxes-only',
                   '--skip-broken')
    for text in ('1 of 3 images left out', '2 of 5 annotations left out',
                 '  [0]: it has no `bbox`', '2 boxes written'):
        assert text in printed


def test_yolo_of_polygons_without_broken_annotations(tool, tiny_coco,
                                                     tmp_path):

    def edit(data):
        add_masks(data)
        del data['annotations'][0]['bbox']
        for ann in data['annotations']:
            if ann['id'] == 3:
                ann['segmentation'] = [[10, 10, 15, 10, 15, 16, 10, 16]]

    source, out = tiny_coco(edit)['ann_file'], tmp_path / 'yolo'
    printed = tool('proxy_to_yolo', source, out, '--skip-broken')
    assert '2 masks written' in printed
    assert (out / 'labels/c.txt').read_text().startswith('1 ')


def test_labelme_without_broken_images(tool, proxy, tmp_path):
    images = Path(proxy['data_prefix']['img'])
    (images / 'b.png').write_bytes(b'text')
    (images / 'c.png').unlink()
    arguments = 'proxy_to_labelme', proxy['ann_file'], images, tmp_path / 'out'
    with pytest.raises(SystemExit, match='(?s)2 of 3 .*b.png: .*c.png: '):
        tool(*arguments)
    assert '2 of 3 files left out' in tool(*arguments, '--skip-broken')
    assert os.listdir(tmp_path / 'out') == ['a.json']


def test_broken_labelme_files(tool, proxy, exported, tmp_path):
    content = json.loads((exported / 'c.json').read_text())
    content['shapes'].clear()
    (exported / 'c.json').write_text(json.dumps(content))
    (exported / 'a.json').write_text('{')
    out = tmp_path / 'out.json'
    arguments = 'labelme_to_proxy', proxy['ann_file'], exported, out
    with pytest.raises(SystemExit, match='1 of 3 files cannot be used'):
        tool(*arguments)
    assert not out.exists()
    printed = tool(*arguments, '--skip-broken')
    assert '1 masks corrected, of which 1 were emptied' in printed
    old, new = by_id(proxy['ann_file']), by_id(out)
    assert new[11] == old[11] and new[3]['mask_score'] == 0
