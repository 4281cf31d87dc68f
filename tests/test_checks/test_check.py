import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from image_kinds import write_kind
from mmengine.config import Config
from PIL import Image
from small_data import SmallData

from mmboxcaseg.checks import check_config, findings, rules

LOAD = [dict(type='LoadImageFromFile')]


@pytest.fixture
def data(tmp_path, tiny_coco, tiny_salient) -> SmallData:
    return SmallData(tmp_path, tiny_coco, tiny_salient)


def box_dataset(data, **kwargs) -> dict:
    return dict(
        type='mmboxcaseg.BoxCropDataset',
        ann_file=str(data.boxes),
        data_prefix=dict(img=str(data.images)),
        pipeline=LOAD,
        **kwargs)


def check(nproc=1, **loaders):
    """Check data loaders; returns examples by kind, and the sources."""
    cfg = Config({
        f'{name}_dataloader': dict(dataset=dataset)
        for name, dataset in loaders.items()
    })
    found, checked = check_config(cfg, nproc)
    return {f.kind: f.examples for f in found}, checked


def test_nothing_to_find(data):
    found, checked = check(train=box_dataset(data))
    assert found == {'box-crowd': ['annotation 9 [4, 4, 10, 10]']}
    assert [facts.size for facts in checked[0].facts] == [(40, 50), (48, 32),
                                                          (30, 30)]


@pytest.mark.parametrize('wrap, where', [
    (lambda d: d, ''),
    (lambda d: dict(type='RepeatDataset', times=2, dataset=d), '.dataset'),
    (lambda d: dict(type='ConcatDataset', datasets=[d]), '.datasets.0'),
    (lambda d: dict(
        type='MultiImageMixDataset',
        dataset=dict(type='ConcatDataset', datasets=[d]),
        pipeline=[]), '.dataset.datasets.0'),
])
def test_wrappers(data, wrap, where):
    _, checked = check(train=wrap(box_dataset(data)))
    assert [one.coco.path for one in checked] == [str(data.boxes)]
    cfg = dict(
        train_dataloader=dict(dataset=wrap(box_dataset(data, nonsense=1))))
    findings, checked = check_config(Config(cfg), 1)
    finding, = findings
    assert finding.kind == 'dataset-config' and not checked
    assert finding.where == f'train_dataloader.dataset{where}'


def test_paths_of_the_config_are_joined(data):
    dataset = dict(
        type='CocoDataset',
        data_root=str(data.folder),
        metainfo=dict(classes=('cat', 'dog')),
        ann_file='boxes.json',
        data_prefix=dict(img='images/'),
        pipeline=LOAD)
    found, checked = check(train=dataset, val=dataset)
    assert checked[0].coco.path == str(data.boxes)
    assert checked[0].source.loaders == ['train_dataloader', 'val_dataloader']
    assert 'image-missing' not in found


def test_unknown_dataset(data):
    found, checked = check(
        train=dict(type='mmdet.XMLDataset', ann_file='a.txt', pipeline=[]))
    assert found == {'dataset-unknown': ['mmdet.XMLDataset']} and not checked


def test_order_does_not_depend_on_processes(data):
    for i in range(40):
        Image.new('L', (9, 9)).save(data.images / f'{i}.png')

    def add(content):
        content['images'] += [
            dict(id=100 + i, file_name=f'{i}.png', height=9, width=9 + i % 2)
            for i in range(40)
        ]

    data.edit(add)
    found, _ = check(train=box_dataset(data))
    assert len(found['image-size']) == 20 and len(found['image-grey']) == 40
    assert list(check(nproc=3, train=box_dataset(data))[0].items()) == list(
        found.items())


@pytest.mark.parametrize('kind, size, finding', [
    ('grey_png', (48, 64), 'image-grey'),
    ('bit', (48, 64), 'image-grey'),
    ('palette', (48, 64), 'image-palette'),
    ('cmyk', (48, 64), 'image-cmyk'),
    ('alpha', (48, 64), 'image-transparent'),
    ('exif3', (48, 64), 'image-orientation'),
    ('exif6', (64, 48), 'image-upright'),
    ('exif6', (48, 64), 'image-turned'),
    ('exif6_webp', (48, 64), None),
    ('plain', (48, 64), None),
])
def test_kind_of_image(data, kind, size, finding):
    path = write_kind(kind, data.images)

    def use(content):
        content['images'][0].update(
            file_name=path.name, height=size[0], width=size[1])

    data.edit(use)
    found, _ = check(train=box_dataset(data))
    assert {k
            for k in found
            if k.startswith('image-')} == ({finding} if finding else set())


def test_boxes_drawn_on_the_stored_image(data):
    path = write_kind('exif6', data.images)
    data.edit(lambda d: d['images'][0].update(
        file_name=path.name, height=48, width=64))
    dataset = box_dataset(data)
    dataset['pipeline'] = [
        dict(type='LoadImageFromFile', color_type='color_ignore_orientation')
    ]
    found, _ = check(train=dataset)
    assert set(found) == {'box-crowd'}


def test_overlap_of_files(data):
    found, _ = check(
        train=box_dataset(data), val=box_dataset(data, per_image=True))
    assert len(found['overlap']) == 3
    assert found['overlap'][0] == f'{data.images}/a.png (the same file)'


def test_overlap_of_pixels(data):
    # The same picture in another format, as a salient image.
    other = data.folder / 'salient_img' / 'one.bmp'
    (data.folder / 'salient_img' / 'one.jpg').unlink()
    Image.open(data.images / 'c.png').save(other)
    Image.new('L', (30, 30), 255).save(data.masks / 'one.png')
    salient = dict(
        type='mmboxcaseg.SalientDataset',
        data_root=str(data.folder),
        data_prefix=dict(img='salient_img', mask='salient_mask'),
        pipeline=LOAD)
    found, _ = check(train=salient, val=box_dataset(data))
    assert found['overlap'] == [f'{data.images}/c.png (same pixels: {other})']
    # What is labelled is not measured on.
    assert 'overlap' not in check(label=box_dataset(data), train=salient)[0]


def test_links_are_the_same_file(data):
    copy = data.folder / 'val'
    copy.mkdir()
    for path in data.images.iterdir():
        (copy / path.name).symlink_to(path)
    val = dict(box_dataset(data), data_prefix=dict(img=str(copy)))
    found, _ = check(train=box_dataset(data), val=val)
    assert all('the same file' in example for example in found['overlap'])
    shutil.rmtree(copy)


@pytest.mark.parametrize('edit, finding', [
    (dict(bbox=[5, 6, 0, 15]), 'box-zero'),
    (dict(bbox=[40, 6, 20, 15]), 'box-sticks-out'),
    (dict(bbox=[-2, 6, 20, 15]), 'box-sticks-out'),
    (dict(bbox=[49.5, 6, 1.4, 15]), None),
    (dict(bbox=[2.5, 3.25, 30, 30.5], category_id=1), 'box-repeated'),
    (dict(segmentation=dict(size=[40, 50], counts=[2000])),
     'mask-uncompressed'),
])
def test_annotations(data, edit, finding):
    data.edit(lambda d: d['annotations'][0].update(edit))
    found, _ = check(train=box_dataset(data))
    assert set(found) == {'box-crowd', finding} - {None}


def test_classes(data):

    def edit(content):
        content['categories'].append(dict(id=8, name='cow'))
        content['images'].append(dict(content['images'][0], id=99))

    data.edit(edit)
    found, _ = check(train=box_dataset(data))
    assert found['class-empty'] == ['cow']
    assert len(found['image-repeated']) == 2
    assert found['image-no-box'] == ['image 99']
    found, _ = check(train=box_dataset(data, metainfo=dict(classes=('dog', ))))
    assert found['class-unused'] == ['cat (2 boxes)', 'cow (0 boxes)']


def test_box_under_a_pixel_matters_to_mmdet(data):
    data.edit(
        lambda d: d['annotations'][0].update(bbox=[5, 5, 0.5, 3], area=0))
    dataset = dict(
        box_dataset(data),
        type='CocoDataset',
        metainfo=dict(classes=('cat', 'dog')))
    found, _ = check(train=dataset)
    assert 'box-small' in found and 'area-zero' in found
    assert 'box-small' not in check(train=box_dataset(data))[0]


def test_val_without_masks(data):
    loaders = dict(
        val_dataloader=dict(dataset=box_dataset(data)),
        val_evaluator=dict(type='mmboxcaseg.InstanceIoUMetric'))
    findings, _ = check_config(Config(loaders), 1)
    assert len(next(iter(findings)).examples) == 4
    assert next(iter(findings)).kind == 'mask-missing'


@pytest.mark.parametrize('threshold, found', [(0.9, True), (0.7, False)])
def test_no_mask_reaches_the_threshold(data, threshold, found):
    rle = dict(size=[40, 50], counts='0')
    data.edit(lambda d: d['annotations'][0].update(
        segmentation=rle, mask_score=0.8, mask_source='x'))
    dataset = dict(
        box_dataset(data),
        type='mmboxcaseg.ProxyCocoDataset',
        metainfo=dict(classes=('cat', 'dog')),
        mask_score_thr=threshold)
    assert ('proxy-low' in check(train=dataset)[0]) == found


@pytest.mark.parametrize('true_masks', [True, False])
def test_masks_without_score(data, true_masks):
    polygon = [[5, 6, 20, 6, 20, 20]]
    data.edit(lambda d: d['annotations'][0].update(segmentation=polygon))
    dataset = dict(
        box_dataset(data),
        type='mmboxcaseg.ProxyCocoDataset',
        metainfo=dict(classes=('cat', 'dog')),
        true_masks=true_masks)
    assert ('proxy-unscored' in check(train=dataset)[0]) != true_masks


@pytest.mark.parametrize('value, single_object, finding', [
    (255, False, 'mask-full'),
    (0, True, None),
    (200, False, 'mask-grey'),
])
def test_salient_masks(data, value, single_object, finding):
    mask = np.full((24, 20), value, np.uint8)
    mask[3, 3] = 0 if finding == 'mask-grey' else value
    data.write_mask(mask)
    salient = dict(
        type='mmboxcaseg.SalientDataset',
        data_root=str(data.folder),
        data_prefix=dict(img='salient_img', mask='salient_mask'),
        single_object=single_object,
        pipeline=LOAD)
    found, _ = check(train=salient)
    assert set(found) == ({finding} if finding else set())


def test_json_of_findings_is_json(data):
    data.edit(lambda d: d['annotations'][0].update(bbox=[1, 2, 3, None]))
    cfg = Config(dict(train_dataloader=dict(dataset=box_dataset(data))))
    json.dumps(check_config(cfg, 1)[0].to_json(), allow_nan=False)


# ------------------------------------------------------- files of strangers
@pytest.mark.parametrize('change, kind, example', [
    (dict(ignore=1), 'box-ignored', 'annotation 5'),
    (dict(rotation=30), 'box-rotated', 'rotation=30'),
    (dict(attributes=dict(angle=2)), 'box-rotated', 'angle=2'),
])
def test_keys_that_change_the_meaning(data, change, kind, example):
    data.edit(lambda d: d['annotations'][1].update(change))
    found, _ = check(train=box_dataset(data))
    (case, ) = found[kind]
    assert case.startswith('annotation 5 ') and example in case


def test_two_categories_of_one_name(data):
    data.edit(lambda d: d['categories'][0].update(name='dog'))
    found, _ = check(train=box_dataset(data))
    ids = [
        cat['id'] for cat in json.loads(data.boxes.read_text())['categories']
    ]
    assert found['class-repeated'] == [f'dog (ids {ids[0]}, {ids[1]})']


@pytest.mark.parametrize('metric, is_told', [
    (dict(type='CocoMetric', ann_file='val.json'), True),
    (dict(type='mmdet.FasterCocoMetric', ann_file='val.json'), True),
    (dict(type='CocoMetric'), False),
    (dict(type='mmboxcaseg.CocoMetric', ann_file='val.json'), False),
])
def test_annotation_id_zero(data, metric, is_told):
    data.edit(lambda d: d['annotations'][1].update(id=0))
    cfg = Config(
        dict(
            val_dataloader=dict(dataset=box_dataset(data)),
            val_evaluator=[dict(type='InstanceIoUMetric'), metric]))
    findings, _ = check_config(cfg, 1)
    examples = [f.examples for f in findings if f.kind == 'id-zero']
    assert len(examples) == is_told


def test_cut_jpeg(data):
    path = data.images / 'a.png'
    content = cv2.imencode('.jpg', cv2.imread(str(path)))[1].tobytes()
    path.write_bytes(content[:-20])
    found, _ = check(train=box_dataset(data))
    assert found['image-cut'] == ['a.png']
    # The stock transform of mmdet's data sets cannot load it.
    found, _ = check(
        train=dict(
            box_dataset(data),
            type='CocoDataset',
            metainfo=dict(classes=('cat', 'dog'))))
    assert found['image-damaged'] == ['a.png']


def test_classes_written_as_a_text(data):
    found, _ = check(train=box_dataset(data, metainfo=dict(classes=('cat'))))
    example, = found['dataset-config']
    assert "classes=('cat', )" in example


def test_a_new_check_is_one_function(data, monkeypatch):
    monkeypatch.setattr(findings, 'CHECKS', [])
    monkeypatch.setattr(findings, 'KINDS', dict(findings.KINDS))

    @findings.data_check({'box-odd': findings.Kind('note', 'odd', 'nothing')})
    def check_odd(one):
        yield 'box-odd', str(len(one.coco.annotations))

    monkeypatch.setattr('mmboxcaseg.checks.check.CHECKS', findings.CHECKS)
    found, _ = check(train=box_dataset(data))
    assert found == {'box-odd': ['5']}


def test_every_module_of_rules_is_loaded():
    modules = {
        check.__module__.rpartition('.')[2]
        for check in findings.CHECKS
    }
    files = Path(rules.__file__).parent.glob('[a-z]*.py')
    assert modules == {path.stem for path in files}
