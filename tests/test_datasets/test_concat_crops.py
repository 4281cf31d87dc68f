"""The crop size is set once, and never without effect."""
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmboxcaseg import InputError
from mmboxcaseg.datasets.concat_crops import check_crop_sizes
from mmboxcaseg.registry import DATASETS

LOAD = dict(type='LoadImageFromFile')
PACK = dict(type='mmboxcaseg.PackCrops')


@pytest.fixture
def sources(tiny_coco, tiny_salient) -> list:
    init_default_scope('mmdet')
    load_mask = dict(
        type='LoadAnnotations',
        with_bbox=False,
        with_label=False,
        with_seg=True)
    return [
        dict(
            tiny_coco(),
            type='mmboxcaseg.BoxCropDataset',
            pipeline=[LOAD, dict(type='mmboxcaseg.CropBoxes'), PACK]),
        dict(
            tiny_salient(),
            type='mmboxcaseg.SalientDataset',
            pipeline=[
                LOAD, load_mask,
                dict(type='mmboxcaseg.CropSalientImage'), PACK
            ])
    ]


def build(datasets: list, **kwargs):
    return DATASETS.build(
        dict(type='mmboxcaseg.ConcatCrops', datasets=datasets, **kwargs))


@pytest.mark.parametrize('crop_size', [16, 20])
def test_one_size_for_all_sources(sources, crop_size):
    dataset = build(sources, crop_size=crop_size)
    for index in (0, len(dataset) - 1):
        assert dataset[index]['inputs'].shape[2:] == (crop_size, crop_size)


def test_source_in_a_wrapper(sources):
    sources[0] = dict(type='RepeatDataset', times=2, dataset=sources[0])
    assert build(sources, crop_size=16)[0]['inputs'].shape[2:] == (16, 16)


def test_size_of_a_source(sources):
    for source in sources:
        source['crop_size'] = 12
    assert build(sources)[0]['inputs'].shape[2:] == (12, 12)
    assert build(sources, crop_size=16)[0]['inputs'].shape[2:] == (12, 12)


def test_size_of_a_transform_is_no_silent_exception(sources):
    sources[0]['pipeline'][1]['size'] = 12
    with pytest.raises(InputError, match='is 16, but its crops have 12x12'):
        build(sources, crop_size=16)[0]


def test_no_size(sources):
    with pytest.raises(InputError, match='set `crop_size` of the data set'):
        build(sources)[0]


CFG = dict(
    train_dataloader=dict(dataset=dict(crop_size=96)),
    label_dataloader=dict(dataset=dict(crop_size=112)))


@pytest.mark.parametrize('options, message', [
    (dict(), None),
    (dict(crop_size=96, label_size=112), None),
    (dict(crop_size=128), 'Set train_dataloader.dataset.crop_size=128'),
    (dict(label_size=96), 'Set label_dataloader.dataset.crop_size=96'),
])
def test_variable_without_effect(options, message):
    cfg = Config(CFG)
    cfg.merge_from_dict(options)
    if message is None:
        check_crop_sizes(cfg)
        return
    with pytest.raises(InputError, match=message):
        check_crop_sizes(cfg)


def test_config_without_crops():
    check_crop_sizes(Config(dict(train_dataloader=None)))
