import json

import cv2
import pytest
from mmcv.transforms import LoadImageFromFile as StockLoadImageFromFile
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope

from mmboxcaseg import InputError
from mmboxcaseg.datasets import (BoxCropDataset, MaskedCropDataset,
                                 ProxyCocoDataset, SalientDataset)
from mmboxcaseg.datasets.base_dataset import loads_upright
from mmboxcaseg.datasets.transforms import LoadImageFromFile


@pytest.mark.parametrize('options, upright', [
    (dict(), True),
    (dict(color_type='grayscale', imdecode_backend='pillow'), True),
    (dict(color_type='color_ignore_orientation'), False),
    (dict(imdecode_backend='turbojpeg'), False),
])
def test_loads_upright(options, upright):
    pipeline = Compose([StockLoadImageFromFile(**options)])
    assert loads_upright(pipeline) == upright


def test_without_a_loader_images_are_upright():
    assert loads_upright(Compose([]))


@pytest.mark.parametrize('name', [
    'LoadImageFromFile', 'mmcv.LoadImageFromFile', 'mmdet.LoadImageFromFile',
    'mmboxcaseg.LoadImageFromFile', StockLoadImageFromFile
])
def test_cut_jpegs_are_loaded_whatever_the_pipeline_names(tiny_coco, name):
    init_default_scope('mmdet')
    files = tiny_coco()
    path = files['data_prefix']['img'] + '/a.png'
    content = cv2.imencode('.jpg', cv2.imread(path))[1].tobytes()
    with open(path, 'wb') as file:
        file.write(content[:-20])
    dataset = BoxCropDataset(
        **files, pipeline=[dict(type=name, color_type='grayscale')])
    loader, = dataset.pipeline.transforms
    assert type(loader) is LoadImageFromFile
    assert loader.color_type == 'grayscale'
    paths = [dataset.get_data_info(i)['img_path'] for i in range(len(dataset))]
    item = dataset[paths.index(path)]
    assert (item['img'] == cv2.imread(path, 0)).all()


def test_transforms_that_are_built_already_stay(tiny_coco):
    loader = StockLoadImageFromFile()
    dataset = BoxCropDataset(**tiny_coco(), pipeline=[loader, json.dumps])
    assert dataset.pipeline.transforms == [loader, json.dumps]


@pytest.mark.parametrize('kind, prefix, key', [
    (BoxCropDataset, dict(), 'img'),
    (MaskedCropDataset, dict(img_path='a'), 'img'),
    (ProxyCocoDataset, dict(), 'img'),
    (SalientDataset, dict(img='a'), 'mask'),
])
def test_missing_folder_is_named(kind, prefix, key):
    with pytest.raises(InputError, match=f'set data_prefix.{key}'):
        kind(ann_file='a.json', data_prefix=prefix)
