"""Data sets read from object storage by the prefix of their paths."""
from pathlib import Path

import numpy as np
import pytest
from mmengine.fileio import LocalBackend, register_backend
from proxy_files import write_proxy_files

from mmboxcaseg.datasets import (BoxCropDataset, ProxyCocoDataset,
                                 SalientDataset)

IMAGE = dict(type='LoadImageFromFile')


class Bucket(LocalBackend):
    """A storage whose addresses are no paths: bucket://a is /a."""

    @staticmethod
    def path(address: str) -> str:
        prefix, name = address.split('://')
        assert prefix == 'bucket'
        return '/' + name.lstrip('/')

    def get(self, filepath):
        return super().get(self.path(filepath))

    def get_text(self, filepath, encoding='utf-8'):
        return super().get_text(self.path(filepath), encoding)

    def exists(self, filepath):
        return super().exists(self.path(filepath))

    def isdir(self, filepath):
        return super().isdir(self.path(filepath))

    def list_dir_or_file(self, dir_path, *args):
        return super().list_dir_or_file(self.path(dir_path), *args)

    def get_local_path(self, filepath):
        return super().get_local_path(self.path(filepath))


@pytest.fixture(autouse=True)
def bucket():
    register_backend('bucket', Bucket, prefixes='bucket', force=True)


def addresses(files: dict) -> dict:
    """The arguments of a data set with addresses for paths."""
    prefix = {
        key: f'bucket:/{path}'
        for key, path in files['data_prefix'].items()
    }
    addressed = dict(files, data_prefix=prefix)
    if 'ann_file' in files:
        addressed['ann_file'] = f'bucket:/{files["ann_file"]}'
    return addressed


def test_boxes(tiny_coco):
    files = tiny_coco()
    pipeline = [IMAGE, dict(type='mmboxcaseg.CropBoxes', size=32)]
    local = BoxCropDataset(**files, pipeline=pipeline)
    remote = BoxCropDataset(**addresses(files), pipeline=pipeline)
    assert len(remote) == len(local) == 4
    for ours, theirs in zip(remote, local):
        assert ours['img_path'].startswith('bucket://')
        np.testing.assert_array_equal(ours['crops'], theirs['crops'])


def test_salient_images(tiny_salient):
    files = tiny_salient()
    pipeline = [
        IMAGE,
        dict(
            type='mmdet.LoadAnnotations',
            with_bbox=False,
            with_label=False,
            with_seg=True)
    ]
    local, remote = (
        SalientDataset(**where, pipeline=pipeline)
        for where in (files, addresses(files)))
    assert len(remote) == len(local) == 2
    for ours, theirs in zip(remote, local):
        for key in ('img', 'gt_seg_map'):
            np.testing.assert_array_equal(ours[key], theirs[key])


def test_proxy_masks(tiny_coco, rng):
    proxy = write_proxy_files(tiny_coco(), rng)
    files = dict(
        ann_file=str(proxy.proxy),
        data_prefix=dict(img=str(Path(proxy.img_prefix))))
    pipeline = [
        IMAGE,
        dict(
            type='mmboxcaseg.LoadProxyAnnotations',
            with_bbox=True,
            with_mask=True)
    ]
    local, remote = (
        ProxyCocoDataset(
            **where, metainfo=dict(classes=('cat', 'dog')), pipeline=pipeline)
        for where in (files, addresses(files)))
    for ours, theirs in zip(remote, local):
        np.testing.assert_array_equal(ours['img'], theirs['img'])
        np.testing.assert_array_equal(ours['gt_masks'].to_ndarray(),
                                      theirs['gt_masks'].to_ndarray())
