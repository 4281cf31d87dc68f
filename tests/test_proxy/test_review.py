import copy
import json

import pytest
from proxy_files import edit_annotations, write_proxy_files

from mmboxcaseg import InputError
from mmboxcaseg.datasets import ProxyCocoDataset
from mmboxcaseg.proxy import ScoredMasks, apply_review, load_proxy, load_review
from mmboxcaseg.proxy.polygons import mask_to_polygons


@pytest.fixture
def files(tiny_coco, rng):
    return write_proxy_files(tiny_coco(), rng)


@pytest.fixture
def review(files, tmp_path):
    """Writes decisions about the masks of the proxy file."""

    def write(decisions: object, **others) -> str:
        masks = ScoredMasks(files.proxy, files.img_prefix)
        content = dict(
            proxy_file='proxy.json',
            masks_sha256=masks.fingerprint,
            decisions=decisions)
        path = tmp_path / 'review.json'
        path.write_text(json.dumps({**content, **others}))
        return str(path)

    return write


def test_decisions_are_written(files, review):
    before = json.load(open(files.proxy))
    data, counts = apply_review(files.proxy, review({
        '5': 'keep',
        '8': 'drop'
    }))
    assert counts == dict(keep=1, drop=1, open=2)
    expected = copy.deepcopy(before)
    for ann in expected['annotations']:
        if ann['id'] == 5:
            ann.update(mask_weight=1, mask_source='human')
        if ann['id'] == 8:
            ann.update(mask_weight=0)
    assert data == expected != before


def test_one_review_after_another(files, review):
    first, second = ({'5': 'keep', '8': 'drop'}, {'8': 'keep', '3': 'drop'})
    path = review(first)
    data, _ = apply_review(files.proxy, path)
    decisions = review(second)
    with open(files.proxy, 'w') as file:
        json.dump(data, file)
    data, counts = apply_review(files.proxy, decisions)
    assert counts == dict(keep=1, drop=1, open=2)
    weights = {
        ann['id']: ann['mask_weight']
        for ann in data['annotations'] if 'mask_weight' in ann
    }
    assert weights == {5: 1, 8: 1, 3: 0}


def test_training_uses_the_decisions(files, review):
    """Whatever the scores are; the other masks have those weights."""
    path = review({'5': 'drop', '8': 'keep', '3': 'keep'})
    data, _ = apply_review(files.proxy, path)
    with open(files.proxy, 'w') as file:
        json.dump(data, file)
    load_proxy(files.proxy)
    dataset = ProxyCocoDataset(
        ann_file=files.proxy,
        data_prefix=dict(img=files.img_prefix),
        metainfo=dict(classes=('cat', 'dog')),
        mask_filter=dict(thr=1, soft=1),
        pipeline=[])
    weights = {
        item['img_id']: [ins['mask_weight'] for ins in item['instances']]
        for item in map(dataset.get_data_info, range(len(dataset)))
    }
    score = next(a for a in data['annotations'] if a['id'] == 11)['mask_score']
    assert weights == {7: [float(score == 1), 0], 2: [1, 0], 4: [1]}


def test_polygons_stay_polygons(files, review):

    def to_polygons(anns):
        for ann in anns:
            if 'mask_score' in ann:
                polygons, _ = mask_to_polygons(ann['segmentation'], 0)
                ann['segmentation'] = [p.ravel().tolist() for p in polygons]

    edit_annotations(files.proxy, to_polygons)
    before = json.load(open(files.proxy))
    data, counts = apply_review(files.proxy, review({'5': 'drop'}))
    assert counts['drop'] == 1
    for ann, old in zip(data['annotations'], before['annotations']):
        assert ann.get('segmentation') == old.get('segmentation')


@pytest.mark.parametrize(
    'decisions, words',
    [
        ({
            '4': 'keep',
            '5': 'drop'
        }, '1 of 2 ids do not .*: 4'),
        ({
            '9': 'keep'
        }, '1 of 1 ids do not'),  # a crowd without a mask
        ({
            '5': 'skip'
        }, '`decisions` is not an object of "keep" or "drop"'),
        ({
            'five': 'keep'
        }, '`decisions` is not an object'),
        ({
            '05': 'keep'
        }, '`decisions` is not an object'),
        (['5'], '`decisions` is not an object'),
    ])
def test_wrong_decisions(files, review, decisions, words):
    with pytest.raises(InputError, match=f'review.json: {words}'):
        apply_review(files.proxy, review(decisions))


def test_masks_of_another_file(files, review):
    path = review({'5': 'keep'})
    with pytest.raises(InputError, match='but from proxy.json. Use that file'):
        apply_review(files.unmerged, path)
    path = review({'5': 'keep'}, masks_sha256='0')
    with pytest.raises(InputError, match='review.json was not made from'):
        apply_review(files.proxy, path)


@pytest.mark.parametrize('text, words', [
    ('{"decisions": {"5": "ke', 'is not valid JSON'),
    ('[]', 'it is not a JSON object. Use a file that'),
    ('{}', 'it has no `masks_sha256` and no `decisions`'),
    ('{"decisions": {}, "masks_sha256": 1}', '`masks_sha256` is not a string'),
])
def test_broken_file(tmp_path, text, words):
    path = tmp_path / 'review.json'
    path.write_text(text)
    with pytest.raises(InputError, match=words) as error:
        load_review(str(path))
    assert str(path) in str(error.value)


def test_boxes_are_no_proxy_file(files, review, tmp_path):
    path = review({'5': 'keep'})
    with pytest.raises(InputError, match='is not a proxy file'):
        apply_review(str(tmp_path / 'boxes.json'), path)
