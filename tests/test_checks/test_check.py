import json
from pathlib import Path

import pytest
from check_loaders import LOAD, box_dataset, check
from mmengine.config import Config
from PIL import Image

from mmboxcaseg.checks import check_config, findings, rules


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
    assert checked[0].loaders == ['train_dataloader', 'val_dataloader']
    assert 'image-missing' not in found


def test_masks_of_a_teacher(data):
    mask = dict(size=[3, 3], counts=[9])
    data.edit(lambda d: d['annotations'][0].update(segmentation=mask))
    teacher = dict(box_dataset(data), type='mmboxcaseg.MaskedCropDataset')
    found, checked = check(train=teacher)
    assert [one.coco.path for one in checked] == [str(data.boxes)]
    assert 'annotation 11: `size` of its RLE' in found['mask-broken'][0]


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


def test_json_of_findings_is_json(data):
    data.edit(lambda d: d['annotations'][0].update(bbox=[1, 2, 3, None]))
    cfg = Config(dict(train_dataloader=dict(dataset=box_dataset(data))))
    json.dumps(check_config(cfg, 1)[0].to_json(), allow_nan=False)


def test_a_new_check_is_one_function(data, monkeypatch):
    monkeypatch.setattr(findings, 'CHECKS', {})
    monkeypatch.setattr(findings, 'KINDS', dict(findings.KINDS))

    @findings.data_check(('box-odd', 'note', 'odd', 'nothing'))
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


def test_mmdet_cannot_read_lvis(data):

    def edit(d):
        for img in d['images']:
            name = img.pop('file_name')
            img['coco_url'] = f'http://images.cocodataset.org/{name}'

    data.edit(edit)
    assert 'json-form' not in check(train=box_dataset(data))[0]
    plain = dict(box_dataset(data), type='CocoDataset')
    assert 'json-form' in check(train=plain)[0]
