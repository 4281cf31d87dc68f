"""Most cases are tested with train.py, see test_broken_configs.py."""
import pytest
import torch
from hostile import write_hostile
from mmengine.config import Config

from mmboxcaseg import InputError
from mmboxcaseg.checks import check_settings

LABELLER = dict(type='mmboxcaseg.BoxCaseg')
DATASET = dict(ann_file='a.json', data_prefix=dict(), pipeline=[])
TRAIN = dict(
    model=LABELLER,
    train_dataloader=dict(dataset=dict()),
    train_cfg=dict(),
    optim_wrapper=dict())


def test_complete_settings():
    check_settings(Config(TRAIN), 'train')
    check_settings(
        Config(dict(model=LABELLER, label_dataloader=dict(dataset=DATASET))),
        'label')
    check_settings(
        Config(
            dict(
                model=LABELLER,
                test_dataloader=dict(dataset=dict()),
                test_cfg=dict(),
                test_evaluator=[])), 'test')


@pytest.mark.parametrize('program, change, message', [
    ('train', dict(model=None), 'model is None, not a dict'),
    ('train', dict(train_dataloader=dict()), 'has no `dataset`'),
    ('train', dict(train_cfg=dict(max_epochs='2')),
     "max_epochs is '2', not a"),
    ('label', {}, 'it has no `label_dataloader`'),
    ('label', dict(label_dataloader=dict(dataset=dict(ann_file='a'))),
     'label_dataloader.dataset has no `data_prefix` and no `pipeline`'),
    ('train', dict(val_cfg=dict()), 'not set: val_dataloader, val_evaluator'),
    ('train', dict(load_from='no.pth'), 'load_from not found: no.pth'),
])
def test_problems(program, change, message):
    with pytest.raises(InputError, match='cannot be run|not found') as error:
        check_settings(Config(dict(TRAIN, **change)), program)
    assert message in str(error.value)


CUT, PACK = 'mmboxcaseg.CropBoxes', 'mmboxcaseg.PackCrops'
# Pipelines: of boxes; with and without a map of the box.
BOXES, PLAIN = [dict(type=CUT), dict(type=PACK)], [dict(type=PACK)]
SHOWN = [dict(type=PACK, box_map=True)]
SOURCE = 'dataset.datasets.{}.pipeline'.format


@pytest.mark.parametrize(
    'program, train, label, lost',
    [
        ('train', [BOXES, SHOWN], [SHOWN], []),
        ('train', [BOXES, PLAIN], [SHOWN], [f'train_dataloader.{SOURCE(1)}']),
        # A second source with masks.
        ('train', [BOXES, SHOWN, PLAIN
                   ], [SHOWN], [f'train_dataloader.{SOURCE(2)}']),
        ('train', [BOXES, SHOWN], [BOXES], [f'label_dataloader.{SOURCE(0)}']),
        ('train', [PLAIN], [PLAIN],
         [f'train_dataloader.{SOURCE(0)}', f'label_dataloader.{SOURCE(0)}']),
        ('label', [PLAIN], [BOXES], [f'label_dataloader.{SOURCE(0)}']),
        ('label', [PLAIN], [SHOWN], []),
        ('test', [PLAIN], [BOXES], [f'test_dataloader.{SOURCE(0)}']),
        # Other transforms may show boxes, too.
        ('train', [], [[dict(type='PromptBoxes')]], []),
    ])
def test_box_prompt_needs_box_maps(program, train, label, lost):
    loaders = {
        f'{name}_dataloader':
        dict(dataset=dict(datasets=[dict(pipeline=p) for p in pipelines]))
        for name, pipelines in dict(train=train, label=label,
                                    test=label).items()
    }
    loaders['label_dataloader']['dataset'].update(DATASET)
    cfg = Config(dict(TRAIN, **loaders, test_cfg=dict(), test_evaluator=[]))
    check_settings(cfg, program)
    cfg.merge_from_dict({'model.box_prompt.type': 'mmboxcaseg.BoxPrompt'})
    if not lost:
        check_settings(cfg, program)
        return
    with pytest.raises(InputError, match='model.box_prompt is set') as error:
        check_settings(cfg, program)
    assert f'crops of {", ".join(lost)} do not show' in str(error.value)
    assert 'box_map=True of PackCrops' in str(error.value)


def test_weights_to_start_from(tmp_path):
    good, bad = tmp_path / 'good.pth', tmp_path / 'bad.pth'
    torch.save(dict(), good)
    mark = write_hostile(bad, dict())
    backbone = dict(
        type='mmdet.ResNet',
        depth=18,
        init_cfg=dict(type='Pretrained', checkpoint=str(bad)))
    cfg = Config(dict(TRAIN, load_from=str(good)))
    check_settings(cfg, 'train')
    cfg.model = dict(LABELLER, backbone=backbone)
    with pytest.raises(InputError, match=r'^model.backbone.init_cfg.checkpoi'):
        check_settings(cfg, 'train')
    assert not mark.exists()
