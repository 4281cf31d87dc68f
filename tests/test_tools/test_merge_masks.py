import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from small_data import printed_by

from mmboxcaseg.datasets.coco import CocoBoxes
from mmboxcaseg.proxy import ProxyWriter, load_proxy
from mmboxcaseg.structures import (agreement, encode_window, merge_masks,
                                   pixel_boxes)


@pytest.fixture
def tool(monkeypatch, capsys):
    """Runs the tool and returns what it printed."""
    return partial(printed_by, monkeypatch, capsys, 'merge_masks')


def crowded(data: dict) -> None:
    """Twelve boxes that overlap, some of equal area, in image 7."""
    rng = np.random.default_rng(3)
    for i in range(12):
        x, y, w, h = rng.integers((0, 0, 8, 8), (30, 20, 20, 20))
        if i % 3 == 0:
            w = h = 12
        data['annotations'].append(
            dict(
                id=100 - i,
                image_id=7,
                category_id=1,
                iscrowd=0,
                area=1,
                bbox=[x + 0.25, y + 0.5, float(w),
                      float(h)]))


def label(coco: CocoBoxes, out: str, merge: bool) -> str:
    """Write random masks as the labeller does."""
    rng = np.random.default_rng(5)
    writer = ProxyWriter(out, coco.ann_file, dict(mask_source='labeller'))
    writer.prepare()
    for img_id, anns in coco.annotations.items():
        img = coco.images[img_id]
        size = img['height'], img['width']
        bboxes = np.array([ann['bbox'] for ann in anns], dtype=np.float64)
        areas = bboxes[:, 2] * bboxes[:, 3]
        bboxes[:, 2:] += bboxes[:, :2]
        windows = pixel_boxes(bboxes, *size)
        masks = [
            rng.random((y1 - y0, x1 - x0)) < 0.6 for x0, y0, x1, y1 in windows
        ]
        if merge:
            masks = merge_masks(masks, windows, areas)
        writer.append(0, img_id, [
            dict(
                id=ann['id'],
                segmentation=encode_window(mask, window, *size),
                mask_score=round(agreement(mask), 6))
            for ann, mask, window in zip(anns, masks, windows)
        ])
    writer.finish()
    return out


def test_equals_the_labeller(tool, tiny_coco, tmp_path):
    boxes = tiny_coco(crowded)['ann_file']
    coco = CocoBoxes(boxes, None)
    unmerged = label(coco, str(tmp_path / 'unmerged.json'), merge=False)
    merged = label(coco, str(tmp_path / 'merged.json'), merge=True)
    out = str(tmp_path / 'out.json')

    tool(boxes, unmerged, out, '--source', 'labeller')
    expected = load_proxy(merged)['annotations']
    assert load_proxy(out)['annotations'] == expected
    assert expected != load_proxy(unmerged)['annotations']

    tool(boxes, unmerged, out, '--source', 'labeller', '--no-merge')
    assert load_proxy(out)['annotations'] == load_proxy(
        unmerged)['annotations']


@pytest.fixture
def predictions(tmp_path) -> str:
    full = [[0, 0, 50, 0, 50, 40, 0, 40]]
    path = tmp_path / 'sam.json'
    path.write_text(
        json.dumps([
            dict(image_id=7, bbox=[5, 6, 20, 15], segmentation=full),
            dict(image_id=7, bbox=[40, 6, 5, 5], segmentation=full),
            dict(
                annotation_id=8,
                segmentation=dict(size=[48, 32], counts=[0, 48 * 32]))
        ]))
    return str(path)


def test_what_is_printed_and_written(tool, tiny_coco, tmp_path, predictions):
    out = str(tmp_path / 'out.json')
    printed = tool(tiny_coco()['ann_file'], predictions, out)
    for line in ('1 of 3 predictions left out, no box of its image has an '
                 'IoU of 0.9 with its: [1]',
                 '2 of 4 boxes have no prediction, their masks are empty: '
                 'annotation 3, 5',
                 '1 masks leave their boxes and were clipped, 2 are empty',
                 f'{out}: 4 masks, mean score 0.500'):
        assert line in printed
    data = load_proxy(out)
    record = data['info']['mmboxcaseg']
    assert record['merge_by'] == 'box' and record['min_iou'] == 0.9
    assert record['clip'] and not record['truncate']
    assert record['mask_source'] == f'sam@{record["predictions_sha256"][:8]}'
    scores = {ann['id']: ann.get('mask_score') for ann in data['annotations']}
    assert scores == {11: 1, 5: 0, 8: 1, 9: None, 3: 0}
    assert not os.path.exists(out + '.shards')


def test_options(tool, tiny_coco, tmp_path, predictions):
    out = str(tmp_path / 'out.json')
    printed = tool(tiny_coco()['ann_file'], predictions, out, '--no-clip',
                   '--min-iou', '1', '--source', 'mine')
    assert '1 masks leave their boxes, 2 are empty' in printed
    anns = {ann['id']: ann for ann in load_proxy(out)['annotations']}
    assert anns[11]['mask_score'] == round(20 * 15 / (40 * 50), 6)
    assert anns[11]['mask_source'] == 'mine'


@pytest.mark.parametrize(
    'content',
    [[dict(annotation_id=4711, segmentation=[[1, 2] * 3])], [],
     [dict(annotation_id=11, segmentation=dict(size=[40, 50], counts='oooo'))]
     ])
def test_bad_predictions(tool, tiny_coco, tmp_path, predictions, content):
    Path(predictions).write_text(json.dumps(content))
    out = str(tmp_path / 'out.json')
    with pytest.raises(SystemExit, match='sam.json'):
        tool(tiny_coco()['ann_file'], predictions, out)
    assert not os.path.exists(out)


@pytest.mark.parametrize('predictions, words', [
    ([], ('neither a list of predictions', )),
    ([dict(segmentation=[[1, 2, 3, 4, 5, 6]])], ('[0]', 'annotation_id')),
    ([dict(annotation_id=77, segmentation=[[1, 2, 3, 4, 5, 6]])],
     ('not in the file of the boxes', 'annotation 77')),
    ([dict(annotation_id=5, segmentation=dict(size=[9, 9], counts='0'))],
     ('`size` of its RLE', 'annotation 5')),
    ([dict(annotation_id=5, segmentation='mask')], ('[0]', 'polygons')),
])
def test_broken_predictions(refused, data, predictions, words):
    path = data.folder / 'predictions.json'
    path.write_text(json.dumps(predictions))
    output = refused('merge_masks', data.boxes, path, data.folder / 'out.json')
    for word in (str(path), *words):
        assert word in output


@pytest.fixture
def sources(tmp_path) -> list:
    """Two files of masks of annotation 11; the first also has one of 5."""
    left, right = [[5, 6, 15, 6, 15, 21, 5,
                    21]], [[0, 6, 25, 6, 25, 21, 0, 21]]
    files = dict(
        a=[(11, left, .5), (5, [[3, 4, 20, 4, 20, 30, 3, 30]], .25)],
        b=[(11, right, .75)])
    for name, masks in files.items():
        keys = 'annotation_id', 'segmentation', 'predicted_iou'
        (tmp_path / f'{name}.json').write_text(
            json.dumps([dict(zip(keys, mask)) for mask in masks]))
    return [str(tmp_path / f'{name}.json') for name in files]


def test_surest_of_several_files(tool, tiny_coco, tmp_path, sources):
    out = str(tmp_path / 'out.json')
    printed = tool(tiny_coco()['ann_file'], *sources, out, '--combine',
                   'surest', '--no-merge')
    for line in ('2 boxes have masks of 0 sources',
                 '1 boxes have masks of 1 sources',
                 '1 boxes have masks of 2 sources', '1 masks are from a@',
                 '1 masks are from b@', '2 of 4 boxes have no prediction',
                 '1 masks leave their boxes and were clipped, 2 are empty',
                 'mean expected IoU 0.250'):
        assert line in printed
    data = load_proxy(out)
    record = data['info']['mmboxcaseg']
    a, b = record['sources']
    assert record['mask_source'] == f'surest of {a}, {b}'
    assert a == f'a@{record["predictions_sha256"][0][:8]}'
    anns = {ann['id']: ann for ann in data['annotations']}
    assert anns[11]['mask_source'] == b and anns[11]['expected_iou'] == .75
    assert anns[11]['mask_score'] == 1
    assert anns[5]['mask_source'] == a and anns[5]['expected_iou'] == .25
    assert anns[8]['mask_source'] == record['mask_source']
    # An empty mask.
    assert anns[8]['mask_score'] == anns[8]['expected_iou'] == 0


def test_agreement_of_several_files(tool, tiny_coco, tmp_path, sources):
    out = str(tmp_path / 'out.json')
    tool(tiny_coco()['ann_file'], *sources, out, '--combine', 'majority',
         '--agreement', '--source', 'one', '--source', 'two')
    anns = {ann['id']: ann for ann in load_proxy(out)['annotations']}
    assert anns[11]['mask_source'] == 'majority of one, two'
    # 10 of 20 columns of the box, where the second mask fills it.
    assert anns[11]['expected_iou'] == .5 and anns[5]['expected_iou'] == 0


# The left half of box 11, so its score is 0.5.
HALF = [[5, 6, 15, 6, 15, 21, 5, 21]]


@pytest.fixture
def reviewed(tiny_coco, tmp_path) -> str:
    """A proxy file with decisions and another weight; mask 3 is empty."""
    path = label(
        CocoBoxes(tiny_coco()['ann_file'], None),
        str(tmp_path / 'reviewed.json'),
        merge=True)
    data = json.loads(Path(path).read_text())
    decisions = {
        11: dict(mask_weight=1, mask_source='human', segmentation=HALF),
        5: dict(mask_weight=0),
        8: dict(mask_weight=.5),
        3: dict(segmentation=[], mask_score=0)
    }
    for ann in data['annotations']:
        ann.update(decisions.get(ann['id'], {}))
    Path(path).write_text(json.dumps(data))
    return path


@pytest.mark.parametrize('options', [[], ['--mask-weight-thr', '1']])
def test_decisions_of_a_review_are_kept(tool, tiny_coco, tmp_path, reviewed,
                                        options):
    out = str(tmp_path / 'out.json')
    printed = tool(tiny_coco()['ann_file'], reviewed, out, '--source', 'again',
                   *options)
    assert '3 masks keep their `mask_weight`, 1 of them have 0' in printed
    anns = {ann['id']: ann for ann in load_proxy(out)['annotations']}
    weights = [anns[i].get('mask_weight') for i in (11, 5, 8, 3)]
    assert weights == [1, 0, .5, 0 if options else None]
    sources = [anns[i]['mask_source'] for i in (11, 5, 8, 3)]
    assert sources == ['human', 'again', 'again', 'again']


def test_dropped_masks_do_not_count(tool, tiny_coco, tmp_path, reviewed,
                                    sources):
    out = str(tmp_path / 'out.json')
    printed = tool(tiny_coco()['ann_file'], reviewed, sources[0], out,
                   '--combine', 'majority', '--source', 'x', '--source', 'y')
    for line in ('1 masks of sources left out, their `mask_weight` is 0',
                 '1 majority masks have no `mask_weight`, although',
                 '1 masks keep their `mask_weight`, 0 of them have 0'):
        assert line in printed
    anns = {ann['id']: ann for ann in load_proxy(out)['annotations']}
    weights = [anns[i].get('mask_weight') for i in (11, 5, 8, 3)]
    assert weights == [None, None, .5, None]
    sources = [anns[i]['mask_source'] for i in (11, 5, 8, 3)]
    assert sources == ['majority of x, y', 'y', 'x', 'majority of x, y']


@pytest.mark.parametrize('argv, message', [
    (['a', 'b', 'out'], 'several files need --combine'),
    (['a', 'out', '--combine', 'surest'], 'several files need --combine'),
    (['a', 'out', '--agreement'], '--agreement needs several'),
    (['a', 'b', 'out', '--combine', 'surest', '--source', 'x'
      ], '--source once for each'),
])
def test_options_of_several_files(tool, capsys, argv, message):
    with pytest.raises(SystemExit):
        tool('boxes', *argv)
    assert message in capsys.readouterr().err


def test_the_same_file_twice(tool, tiny_coco, tmp_path, sources):
    with pytest.raises(SystemExit, match='sources of the same name: a@'):
        tool(tiny_coco()['ann_file'], sources[0], sources[0],
             tmp_path / 'out.json', '--combine', 'majority')
