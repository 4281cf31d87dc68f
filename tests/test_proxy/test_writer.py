import errno
import json
import os

import numpy as np
import pytest
from pycocotools import mask as mask_utils

from mmboxcaseg import InputError
from mmboxcaseg.proxy import ProxyWriter, load_proxy
from mmboxcaseg.structures import encode_window

PROVENANCE = dict(mask_source='tiny@1234', merge=True)
IMG_IDS = (7, 2, 4)


def records(img_id: int) -> list:
    ann_ids = {7: [11, 5], 2: [8], 4: [3]}[img_id]
    return [
        dict(
            id=ann_id,
            segmentation=dict(size=[9, 9], counts=f'n{ann_id}'),
            mask_score=ann_id / 16) for ann_id in ann_ids
    ]


@pytest.fixture
def new_writer(tiny_coco, tmp_path):
    source = tiny_coco()['ann_file']

    def build(name='proxy.json', **changes) -> ProxyWriter:
        return ProxyWriter(
            str(tmp_path / 'out' / name), source, dict(PROVENANCE, **changes))

    return build


def read(path: str) -> bytes:
    with open(path, 'rb') as file:
        return file.read()


def write_all(writer, ranks=(0, 0, 0), img_ids=IMG_IDS) -> bytes:
    writer.prepare()
    for rank, img_id in zip(ranks, img_ids):
        writer.append(rank, img_id, records(img_id))
    writer.finish()
    return read(writer.out_file)


@pytest.mark.parametrize('ranks', [(0, 0, 0), (0, 1, 0), (3, 11, 1)])
@pytest.mark.parametrize('img_ids', [(7, 2, 4), (4, 7, 2)])
def test_bytes_do_not_depend_on_ranks_or_order(new_writer, ranks, img_ids):
    expected = write_all(new_writer())
    assert write_all(new_writer('b.json'), ranks, img_ids) == expected


def test_image_labelled_by_two_ranks(new_writer):
    # Samplers give the last images twice to fill all ranks.
    expected = write_all(new_writer())
    ranks, img_ids = (0, 0, 1, 1), (7, 2, 4, 7)
    assert write_all(new_writer('b.json'), ranks, img_ids) == expected


def test_fields_of_the_source_are_kept(new_writer):
    writer = new_writer()
    source = json.loads(read(writer.source_file))
    result = json.loads(write_all(writer))
    labels = {r['id']: r for img_id in IMG_IDS for r in records(img_id)}
    assert result['info'] == dict(mmboxcaseg=PROVENANCE)
    for key in ('images', 'categories'):
        assert result[key] == source[key]
    for ann, original in zip(result['annotations'], source['annotations']):
        added = labels.get(original['id'])
        if added:
            added['mask_source'] = 'tiny@1234'
        # The crowd, number 9, was not labelled.
        assert bool(added) == (original['id'] != 9)
        assert ann == dict(original, **(added or {}))
    assert len(result['annotations']) == len(source['annotations']) == 5


def test_other_info_is_kept(new_writer):
    writer = new_writer()
    data = json.loads(read(writer.source_file))
    data['info'] = dict(year=2017)
    with open(writer.source_file, 'w') as file:
        json.dump(data, file)
    assert json.loads(write_all(writer))['info'] == dict(
        year=2017, mmboxcaseg=PROVENANCE)


def test_finish_counts_and_averages(new_writer):
    writer = new_writer()
    writer.prepare()
    assert writer.finish() == dict(instances=0, mean_score=0)
    writer.prepare()
    for img_id in IMG_IDS:
        writer.append(0, img_id, records(img_id))
    mean = (11 + 5 + 8 + 3) / 16 / 4
    assert writer.finish() == dict(instances=4, mean_score=mean)


def test_mean_of_the_expected_ious_that_are_known(new_writer):
    writer = new_writer()
    writer.prepare()
    for img_id in IMG_IDS:
        ious = {7: [0.5, 0.7], 2: [0.9], 4: []}[img_id]
        masks = records(img_id)
        for mask, iou in zip(masks, ious):
            mask['expected_iou'] = iou
        writer.append(0, img_id, masks)
    result = writer.finish()
    assert result['mean_expected_iou'] == pytest.approx(0.7)
    assert writer.summary(**result).endswith(
        '4 masks, mean score 0.422, mean expected IoU 0.700')


def test_expected_iou_of_a_replaced_mask_is_removed(new_writer):
    old, new = new_writer('old.json'), new_writer('new.json')
    old.prepare()
    old.append(0, 7, [dict(mask, expected_iou=0.5) for mask in records(7)])
    old.finish()
    new.source_file = old.out_file
    new.prepare()
    new.append(0, 7, records(7)[:1])
    new.finish()
    masks = {a['id']: a for a in json.loads(read(new.out_file))['annotations']}
    assert 'expected_iou' not in masks[11]
    assert masks[5]['expected_iou'] == 0.5


def test_missing_images_stop_the_file(new_writer):
    writer = new_writer()
    writer.prepare()
    first, *others = IMG_IDS
    writer.append(0, first, records(first))
    with pytest.raises(InputError, match=f'1 of {len(IMG_IDS)} images'):
        writer.finish(len(IMG_IDS))
    assert not os.path.exists(writer.out_file)
    for img_id in others:
        writer.append(1, img_id, records(img_id))
    writer.finish(len(IMG_IDS))
    assert read(writer.out_file)


def test_folder_on_the_disk_of_another_machine(new_writer):
    with pytest.raises(FileNotFoundError, match='disk that all machines'):
        new_writer().finished()


def test_nothing_else_is_left_behind(new_writer):
    writer = new_writer()
    write_all(writer)
    assert os.listdir(os.path.dirname(writer.out_file)) == ['proxy.json']


def test_file_appears_at_the_end_only(new_writer):
    writer = new_writer()
    writer.prepare()
    for img_id in IMG_IDS:
        writer.append(0, img_id, records(img_id))
        assert not os.path.exists(writer.out_file)
    writer.finish()
    assert os.path.exists(writer.out_file)


def test_old_file_survives_until_the_new_one_is_complete(
        new_writer, monkeypatch):
    expected = write_all(new_writer())
    writer = new_writer(mask_source='other@5678')

    def fail(*_):
        raise OSError(errno.ENOSPC, 'disk full')

    monkeypatch.setattr(os, 'fsync', fail)
    writer.folder = os.path.dirname(writer.source_file)
    with pytest.raises(OSError, match='disk full.*continues'):
        writer.finish()
    assert read(writer.out_file) == expected
    assert not os.path.exists(writer.out_file + '.tmp')


@pytest.mark.skipif(
    os.geteuid() == 0, reason='the superuser may write everywhere')
def test_read_only_folder(new_writer, tmp_path):
    (tmp_path / 'out').mkdir(mode=0o500)
    with pytest.raises(OSError, match='Permission denied.*writable'):
        new_writer().prepare()


def test_folder_that_cannot_be_made(new_writer, tmp_path):
    (tmp_path / 'out').write_text('a file')
    with pytest.raises(OSError, match='cannot write .*out.*Free some'):
        new_writer().prepare()


def shard(writer, rank=0) -> str:
    return os.path.join(writer.folder, f'rank{rank}.jsonl')


@pytest.mark.parametrize('lost', [1, 2, 20, 70])
@pytest.mark.parametrize('rank', [0, 1])
def test_resume_after_a_torn_line(new_writer, lost, rank):
    expected = write_all(new_writer())
    writer = new_writer('b.json')
    writer.prepare()
    for img_id in IMG_IDS[:2]:
        writer.append(0, img_id, records(img_id))
    os.truncate(shard(writer), os.path.getsize(shard(writer)) - lost)

    writer = new_writer('b.json')
    writer.prepare()
    # A line that lost only its end mark is whole.
    assert writer.finished() == ({7, 2} if lost == 1 else {7})
    for img_id in IMG_IDS:
        if img_id not in writer.finished():
            writer.append(rank, img_id, records(img_id))
    assert writer.finished() == set(IMG_IDS)
    writer.finish()
    assert read(writer.out_file) == expected


def test_finished_grows_with_every_image(new_writer):
    writer = new_writer()
    writer.prepare()
    assert writer.finished() == set()
    for count, img_id in enumerate(IMG_IDS, 1):
        writer.append(count % 2, img_id, records(img_id))
        assert writer.finished() == set(IMG_IDS[:count])


CHANGES = [
    dict(mask_source='tiny@5678'),
    dict(merge=False),
    dict(test_cfg=dict(chunk=4)),
]


@pytest.mark.parametrize('changes', CHANGES)
def test_shards_of_another_labelling(new_writer, changes):
    writer = new_writer()
    writer.prepare()
    writer.append(0, 4, records(4))
    writer = new_writer(**changes)
    with pytest.raises(ValueError) as error:
        writer.prepare()
    assert writer.folder in str(error.value)
    assert 'another name' in str(error.value)
    # What was labelled is still there.
    assert new_writer().finished() == {4}


@pytest.mark.parametrize('changes', CHANGES)
@pytest.mark.parametrize('start', ['', '[4, [{"id'])
def test_empty_shards_of_another_labelling(new_writer, changes, start):
    expected = write_all(new_writer('b.json', **changes))
    first = new_writer()
    first.prepare()
    if start:
        with open(shard(first), 'w') as file:
            file.write(start)
    assert write_all(new_writer(**changes)) == expected


@pytest.mark.parametrize('suffix, added', [('.other', ''), ('', ' ')])
def test_shards_of_another_source(new_writer, suffix, added):
    """Of another file, or of the same one before its boxes were changed."""
    writer = new_writer()
    writer.prepare()
    writer.append(0, 4, records(4))
    text = read(writer.source_file).decode()
    writer.source_file += suffix
    with open(writer.source_file, 'w') as file:
        file.write(text + added)
    with pytest.raises(ValueError, match='unfinished labelling.*other boxes'):
        writer.prepare()


def test_weight_of_a_replaced_mask_is_dropped(new_writer):
    writer = new_writer()
    data = json.loads(read(writer.source_file))
    of_mask, of_box = data['annotations'][:2]
    of_mask.update(records(7)[0], mask_source='other', mask_weight=0)
    of_box['mask_weight'] = 0.5
    with open(writer.source_file, 'w') as file:
        json.dump(data, file)
    found = {
        ann['id']: ann
        for ann in json.loads(write_all(writer))['annotations']
    }
    assert 'mask_weight' not in found[11]
    assert found[5]['mask_weight'] == 0.5


@pytest.mark.parametrize('old', [
    dict(segmentation=[[0, 0, 9, 0, 9, 9]], mask_weight=0),
    dict(segmentation=[], mask_score=0, mask_source='other', mask_weight=1),
    dict(),
])
def test_all_about_a_replaced_mask_is_dropped(new_writer, old):
    expected = json.loads(write_all(new_writer('b.json')))
    writer = new_writer()
    data = json.loads(read(writer.source_file))
    for ann in data['annotations']:
        ann.update(old, expected_iou=0.99, predicted_iou=0.97)
    unlabelled, = [ann for ann in data['annotations'] if ann['id'] == 9]
    with open(writer.source_file, 'w') as file:
        json.dump(data, file)
    found = json.loads(write_all(writer))['annotations']
    # The crowd, number 9, was not labelled.
    expected['annotations'][3] = unlabelled
    assert found == expected['annotations']


def test_prepare_keeps_what_fits(new_writer):
    writer = new_writer()
    writer.prepare()
    writer.append(0, 4, records(4))
    writer.prepare()
    assert writer.finished() == {4}


def test_polygons(new_writer, tmp_path):
    ring = np.ones((12, 12), dtype=bool)
    ring[4:8, 4:8] = False
    masks = {11: ring, 5: np.zeros((12, 12), dtype=bool)}
    rles = {
        ann_id: encode_window(mask, (3, 4, 15, 16), 40, 50)
        for ann_id, mask in masks.items()
    }

    def write(name, polygons) -> tuple:
        plain = new_writer(name)
        writer = ProxyWriter(plain.out_file, plain.source_file, PROVENANCE,
                             polygons)
        writer.prepare()
        writer.append(0, 7, [
            dict(id=ann_id, segmentation=rle, mask_score=0.5)
            for ann_id, rle in rles.items()
        ])
        return writer, writer.summary(**writer.finish())

    writer, text = write('polygons.json', 0)
    assert 'polygons.json: 2 masks, mean score 0.500' in text
    assert '1 holes in 1 masks filled, 0 masks lost all pixels' in text
    assert f'mean IoU with the masks {128 / 144:.4f}' in text
    data = json.loads(read(writer.out_file))
    assert data['info']['mmboxcaseg']['polygon_tolerance'] == 0
    polygons = {
        ann['id']: ann.get('segmentation')
        for ann in data['annotations']
    }
    assert len(polygons[11]) == 1 and polygons[5] == []
    # Readers of this project see RLE.
    found = {
        ann['id']: ann
        for ann in load_proxy(writer.out_file)['annotations']
    }
    assert mask_utils.area(found[11]['segmentation']) == 144
    assert mask_utils.area(found[5]['segmentation']) == 0

    writer, text = write('rle.json', None)
    assert 'polygons:' not in text
    data = json.loads(read(writer.out_file))
    assert data['annotations'][0]['segmentation'] == rles[11]
