"""Data on object storage, found by the prefix of paths or by backend_args."""
import re
from pathlib import Path
from typing import Callable

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.fileio import load
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from my_backend import MyBackend
from proxy_files import write_proxy_files
from small_data import ROOT, SmallData, run_tool

from mmboxcaseg import InputError
from mmboxcaseg.datasets import (BoxCropDataset, ProxyCocoDataset,
                                 SalientDataset)
from mmboxcaseg.datasets.coco import missing_files
from mmboxcaseg.evaluation import InstanceAPMetric

MEANS = ['prefix', 'backend_args']


@pytest.fixture(params=MEANS)
def store(request, tmp_path) -> Callable:
    """Turns the paths of a data set's arguments into addresses."""

    def address(value):
        if isinstance(value, dict):
            return {key: address(inner) for key, inner in value.items()}
        new = dict(prefix=f'mine:/{tmp_path}', backend_args='.')[request.param]
        return value.replace(str(tmp_path), new)

    def store(files: dict) -> dict:
        backend_args = dict(backend='mine', bucket=str(tmp_path))
        if request.param == 'prefix':
            backend_args = None
        return dict(address(files), backend_args=backend_args)

    return store


def load_image(files: dict) -> dict:
    return dict(
        type='LoadImageFromFile', backend_args=files.get('backend_args'))


def test_boxes(tiny_coco, store):
    files = tiny_coco()
    local, remote = (
        BoxCropDataset(
            **where,
            pipeline=[
                load_image(where),
                dict(type='mmboxcaseg.CropBoxes', size=32)
            ]) for where in (files, store(files)))
    assert len(remote) == len(local) == 4
    for ours, theirs in zip(remote, local):
        assert not Path(ours['img_path']).exists()
        np.testing.assert_array_equal(ours['crops'], theirs['crops'])


def test_salient_images(tiny_salient, tmp_path, store):
    files = tiny_salient()
    listed = tmp_path / 'list.txt'
    listed.write_text('two\none\n')
    files['ann_file'] = str(listed)
    local, remote = (
        SalientDataset(
            **where,
            pipeline=[
                load_image(where),
                dict(
                    type='mmdet.LoadAnnotations',
                    with_bbox=False,
                    with_label=False,
                    with_seg=True,
                    backend_args=where.get('backend_args'))
            ]) for where in (files, store(files)))
    assert len(remote) == len(local) == 2
    for ours, theirs in zip(remote, local):
        assert not Path(ours['seg_map_path']).exists()
        for key in ('img', 'gt_seg_map'):
            np.testing.assert_array_equal(ours[key], theirs[key])


def test_salient_masks_of_one_object(tiny_salient, store, tmp_path):
    files = tiny_salient()
    mask = np.zeros((24, 20), dtype=np.uint8)
    mask[5:9] = 255
    cv2.imwrite(str(tmp_path / 'salient_mask/two.png'), mask)
    dataset = SalientDataset(**store(files), single_object=True)
    assert [item['img_id'] for item in dataset] == ['two']


def test_proxy_masks(tiny_coco, rng, store):
    proxy = write_proxy_files(tiny_coco(), rng)
    files = dict(ann_file=proxy.proxy, data_prefix=dict(img=proxy.img_prefix))
    local, remote = (
        ProxyCocoDataset(
            **where,
            metainfo=dict(classes=('cat', 'dog')),
            pipeline=[
                load_image(where),
                dict(
                    type='mmboxcaseg.LoadProxyAnnotations',
                    with_bbox=True,
                    with_mask=True)
            ]) for where in (files, store(files)))
    assert len(remote) == len(local) == 3
    for ours, theirs in zip(remote, local):
        np.testing.assert_array_equal(ours['img'], theirs['img'])
        np.testing.assert_array_equal(ours['gt_masks'].to_ndarray(),
                                      theirs['gt_masks'].to_ndarray())


def test_metric(tiny_coco, rng, store):
    truth = dict(ann_file=write_proxy_files(tiny_coco(), rng).truth)
    metric = InstanceAPMetric(**store(truth), metric='bbox')
    # It knows the classes in the file.
    with pytest.raises(InputError, match="'cat', 'dog'"):
        metric.dataset_meta = dict(classes=('dog', 'cat'))


def test_damaged_image(tiny_coco, store, tmp_path):
    files = tiny_coco()
    (tmp_path / 'images/c.png').write_bytes(b'')
    files = store(files)
    dataset = BoxCropDataset(**files, pipeline=[load_image(files)])
    with pytest.raises(ValueError, match='images/c.png cannot be decoded'):
        list(dataset)


def test_lost_image(tiny_coco, store, tmp_path):
    files = tiny_coco()
    (tmp_path / 'images/b.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'1 of 3 .*: b\.png\.'):
        BoxCropDataset(**store(files))


def test_one_request_for_a_folder(tmp_path):
    (tmp_path / 'a/b').mkdir(parents=True)
    # A listing leaves out hidden files, and may know no folder of a file.
    names = ['1.png', '2.png', 'b/3.png', '.4.png', 'no.png', 'no/1.png']
    for name in names[:4]:
        (tmp_path / 'a' / name).touch()
    MyBackend.requests.clear()
    lost = missing_files('a', names,
                         dict(backend='mine', bucket=str(tmp_path)))
    assert lost == missing_files(str(tmp_path / 'a'), names) == names[4:]
    assert MyBackend.requests == dict(list_dir_or_file=3, exists=3)


@pytest.fixture
def data(tmp_path, tiny_coco, tiny_salient) -> SmallData:
    """The labeller's config is that of docs/scaling.md; only its storage
    knows the files."""
    data = SmallData(tmp_path, tiny_coco, tiny_salient)
    data.local = tmp_path / 'local.py'
    data.local.write_text(data.labeller.read_text())
    text, = re.findall('```python\n(_base_.*?)```',
                       (ROOT / 'docs/scaling.md').read_text('utf-8'), re.S)
    base = tmp_path / re.match(r"_base_ = '(.*)'\n", text)[1]
    base.write_text(data.local.read_text().replace(str(tmp_path), '.'))
    data.labeller.write_text(text.replace('photographs', str(tmp_path)))
    return data


def test_batch_of_the_labeller(data):
    batches = []
    for path in (data.local, data.labeller):
        cfg = Config.fromfile(path)
        init_default_scope(cfg.default_scope)
        loader = cfg.train_dataloader
        loader.batch_size = 4
        loader.batch_sampler.source_ratio = (1, 1)
        np.random.seed(0)
        batch, = Runner.build_dataloader(loader, seed=0)
        batches.append(batch)
    local, remote = batches
    for ours, theirs in zip(remote['inputs'], local['inputs']):
        assert torch.equal(ours, theirs)
    assert {sample.img_path
            for sample in remote['data_samples']
            } >= {'./salient_img/one.jpg', './salient_img/two.jpg'}


def test_label(monkeypatch, data, build_labeller):
    checkpoint = data.folder / 'labeller.pth'
    torch.save(dict(state_dict=build_labeller().state_dict()), checkpoint)
    masks = []
    for config in (data.local, data.labeller):
        out = data.folder / f'{config.stem}.json'
        run_tool(monkeypatch, 'label', config, checkpoint, out, '--work-dir',
                 data.folder / 'work')
        masks.append([
            ann['segmentation'] for ann in load(out)['annotations']
            if 'mask_score' in ann
        ])
    assert masks[0] == masks[1] and len(masks[0]) == 4

    with pytest.raises(SystemExit, match='no.json .*by `backend_args`'):
        run_tool(monkeypatch, 'label', data.labeller, checkpoint, out,
                 '--boxes', 'no.json', '--images', 'images')


def check_data(monkeypatch, capsys, config: Path) -> str:
    """Run tools/check_data.py and return what it printed."""
    with pytest.raises(SystemExit):
        run_tool(monkeypatch, 'check_data', config, '--nproc', 1)
    return capsys.readouterr().out


def test_check_data(monkeypatch, capsys, data):
    data.write_mask(np.zeros((24, 20), dtype=np.uint8))
    output = check_data(monkeypatch, capsys, data.labeller)
    kinds = re.findall(r'^error +(\S+) +1  ', output, re.M)
    assert kinds == ['mask-empty'], output


def test_check_data_where_images_are_elsewhere(monkeypatch, capsys, data):
    text = data.labeller.read_text()
    data.labeller.write_text(text.replace("if 'Load' in", "if 'no' in"))
    output = check_data(monkeypatch, capsys, data.labeller)
    kinds = re.findall(r'^error +(\S+) +(\d+)  ', output, re.M)
    assert kinds == [('image-missing', '3'), ('image-missing', '2')], output


def test_backend_that_is_not_registered(monkeypatch, data):
    text = data.labeller.read_text()
    data.labeller.write_text(text.replace("'mine'", "'yours'"))
    with pytest.raises(SystemExit, match="backend_args: .* backend 'yours'"):
        run_tool(monkeypatch, 'check_data', data.labeller)
