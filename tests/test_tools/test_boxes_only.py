import json

import pytest

from mmboxcaseg.datasets.coco import CocoBoxes, boxes_only, load_coco


@pytest.fixture
def source(tiny_coco) -> str:
    """COCO file of three images with masks."""

    def add_masks(data: dict) -> None:
        for ann in data['annotations']:
            ann.update(area=1, segmentation=[[0, 0, 4, 0, 4, 4]])

    return tiny_coco(add_masks)['ann_file']


def test_all_images(tool, source, tmp_path):
    out = tmp_path / 'boxes.json'
    printed = tool('boxes_only', source, out)
    assert f'{out}: 5 boxes of 3 of 3 images' in printed
    data = load_coco(str(out))
    assert data == boxes_only(load_coco(source))
    assert 'segmentation' not in out.read_text()
    assert [ann['area'] for ann in data['annotations']
            ] == [300, 30 * 30.5, 32 * 48, 100, 30]


def test_what_is_left_out_stays_marked(tool, tiny_coco, tmp_path):
    out = tmp_path / 'boxes.json'
    source = tiny_coco(lambda data: data['annotations'][0].update(ignore=1))
    tool('boxes_only', source['ann_file'], out)
    assert CocoBoxes(str(out), None).left_out == {
        'a crowd': [9],
        'marked `ignore`': [11]
    }


def test_subsets_are_nested(tool, source, tmp_path):
    drawn = {}
    for seed in range(8):
        for num in (1, 2):
            out = tmp_path / f'{seed}_{num}.json'
            tool('boxes_only', source, out, '--num-images', num, '--seed',
                 seed)
            data = load_coco(str(out))
            ids = [img['id'] for img in data['images']]
            assert len(ids) == num
            # in the order of the source file
            assert ids == [i for i in (7, 2, 4) if i in ids]
            whole = boxes_only(load_coco(source))
            assert data['categories'] == whole['categories']
            assert data['annotations'] == [
                ann for ann in whole['annotations'] if ann['image_id'] in ids
            ]
            drawn[seed, num] = set(ids)
        assert drawn[seed, 1] < drawn[seed, 2]
    assert len({min(drawn[seed, 1]) for seed in range(8)}) == 3


def test_same_seed_same_bytes(tool, source, tmp_path):
    first, second = tmp_path / 'first.json', tmp_path / 'second.json'
    for out in (first, second):
        tool('boxes_only', source, out, '--num-images', 2)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize('num', [0, 4])
def test_impossible_number(tool, source, tmp_path, num):
    with pytest.raises(SystemExit, match='between 1 and the 3 images'):
        tool('boxes_only', source, tmp_path / 'o.json', '--num-images', num)


def test_bad_source(tool, source, tmp_path):
    with pytest.raises(SystemExit, match='COCO file not found: no.json'):
        tool('boxes_only', 'no.json', tmp_path / 'o.json')
    data = json.loads(open(source).read())
    del data['annotations'][0]['bbox']
    bad = tmp_path / 'bad.json'
    bad.write_text(json.dumps(data))
    with pytest.raises(SystemExit, match='it has no `bbox`: annotation 11'):
        tool('boxes_only', bad, tmp_path / 'o.json')


def test_skip_broken(tool, source, tmp_path):
    data = json.loads(open(source).read())
    del data['annotations'][0]['bbox']
    data['images'][1]['height'] = 'high'
    bad, out = tmp_path / 'bad.json', tmp_path / 'o.json'
    bad.write_text(json.dumps(data))
    printed = tool('boxes_only', bad, out, '--skip-broken')
    lost = data['images'][1]['id']
    kept = [
        ann['id'] for ann in data['annotations'][1:] if ann['image_id'] != lost
    ]
    assert '1 of 3 images left out' in printed
    assert '  [0]: it has no `bbox`' in printed
    written = json.loads(out.read_text())
    assert [ann['id'] for ann in written['annotations']] == kept
    assert len(written['images']) == len(data['images']) - 1
