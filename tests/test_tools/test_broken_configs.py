"""Broken configs, each with the message that a user of train.py reads.

Every case runs the program. It must end before the first iteration with a
message that names the setting, and without a traceback.
"""
import pytest
from small_data import end_of

# Every visualization backend writes the config, which takes most of the time.
# MMEngine mixes up runs of the same name that start in the same second.
START = 'visualizer = dict(vis_backends=[])\nexperiment_name = {!r}\n'
# The sampler of the config needs more salient images than there are.
ANY_BATCH = "train_dataloader['batch_sampler'] = None\n"
SOURCE = "train_dataloader['dataset']['datasets'][0]"
VALIDATE = '''
val_cfg = dict(type='ValLoop')
val_dataloader = dict(
    _delete_=True, batch_size=1, num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(boxes, {options}))
val_evaluator = dict(_delete_=True, {evaluator})
'''
DETECTIONS = 'test_mode=True, pipeline={{_base_.test_pipeline}}'
CROPS = "per_image=True, pipeline=[dict(type='LoadImageFromFile'), " \
    "dict(type='mmboxcaseg.CropBoxes', size=96), " \
    "dict(type='mmboxcaseg.PackCrops')]"


@pytest.fixture
def train(monkeypatch, capsys, data):
    """Runs train.py with a config; returns what it prints."""

    def run(config: str, *argv) -> str:
        work_dir = data.folder / 'work'
        output = end_of(monkeypatch, capsys, 'train', data.folder / config,
                        '--work-dir', work_dir, *argv)
        assert not list(work_dir.glob('*.pth'))
        return output

    return run


def validate(options: str, evaluator: str) -> str:
    return VALIDATE.format(options=options, evaluator=evaluator)


# Lines added to the config of a labeller, and a part of the message.
LABELLERS = dict(
    syntax_error=('= =', 'cannot be read as a config: SyntaxError'),
    name_error=('a = b', 'cannot be read as a config: NameError'),
    no_model=('model = None', 'model is None, not a dict'),
    no_optimizer=('optim_wrapper = None', 'optim_wrapper is None'),
    no_length=('train_cfg = None', 'train_cfg is None'),
    no_dataset=('train_dataloader = dict(_delete_=True, batch_size=4)',
                'train_dataloader has no `dataset`'),
    batch_of_0=("train_dataloader['batch_size'] = 0",
                'train_dataloader.batch_size is 0, not a positive integer'),
    batch_of_text=("train_dataloader['batch_size'] = '16'",
                   "train_dataloader.batch_size is '16'"),
    batch_not_divided=("train_dataloader['batch_size'] = 3",
                       'a batch of 3 cannot be divided as 9:7'),
    crop_size_of_the_base=(ANY_BATCH + 'crop_size = 64',
                           'Set train_dataloader.dataset.crop_size=64'),
    negative_workers=("train_dataloader['num_workers'] = -1",
                      'train_dataloader.num_workers is -1'),
    negative_epochs=('train_cfg = dict(max_epochs=-1)',
                     'train_cfg.max_epochs is -1'),
    no_epochs=('train_cfg = dict(max_epochs=0)', 'train_cfg.max_epochs is 0'),
    epochs_of_text=("train_cfg = dict(max_epochs='ten')",
                    "train_cfg.max_epochs is 'ten'"),
    interval_of_0=('train_cfg = dict(val_interval=0)',
                   'train_cfg.val_interval is 0'),
    half_a_validation=('val_cfg = dict()',
                       'not set: val_dataloader, val_evaluator'),
    weights_lost=("load_from = 'no.pth'", 'load_from not found: no.pth'),
    weights_are_text=("load_from = 'labeller.py'",
                      'load_from: labeller.py is not a checkpoint'),
    backbone_lost=("model = dict(backbone=dict(init_cfg=dict("
                   "type='Pretrained', checkpoint='no.pth')))",
                   'model.backbone.init_cfg.checkpoint not found: no.pth'),
    optimizer_misspelt=("optim_wrapper = dict(optimizer=dict(type='AdmW'))",
                        "no optimizer 'AdmW'. Did you mean 'AdamW'?"),
    model_misspelt=("model = dict(type='mmboxcaseg.BoxCasegg')",
                    "model.type: there is no model 'mmboxcaseg.BoxCasegg'. "
                    "Did you mean 'mmboxcaseg.BoxCaseg'?"),
    scope_misspelt=("model = dict(type='mmboxcase.BoxCaseg')",
                    "Did you mean 'mmboxcaseg.BoxCaseg'?"),
    scope_forgotten=("model = dict(type='BoxCaseg')",
                     "Did you mean 'mmboxcaseg.BoxCaseg'?"),
    channels_of_text=("model = dict(channels='240')",
                      "model.channels is '240', not a positive integer"),
    channels_misfit=(ANY_BATCH + 'model = dict(channels=720)',
                     'neck give 240 channels: set model.channels=240'),
    prompt_without_maps=("model = dict(box_prompt=dict("
                         "type='mmboxcaseg.BoxPrompt'))",
                         'the crops of train_dataloader.dataset.datasets.1.'
                         'pipeline, label_dataloader.dataset.pipeline do not '
                         'show their boxes. Set box_map=True'),
    timm_misspelt=("model = dict(backbone=dict(_delete_=True, type="
                   "'mmpretrain.TIMMBackbone', model_name='resnet10'))",
                   "model.backbone.model_name: timm has no model 'resnet10'"),
    min_size_of_text=("train_dataloader['dataset']['datasets'][1] = dict("
                      "boxes, type='mmboxcaseg.MaskedCropDataset', "
                      "min_size='32')", "min_size='32' must be a number"),
    loss_misspelt=("model = dict(weak_losses=[dict(type='MIL')])",
                   "model.weak_losses.0.type: there is no model 'MIL'"),
    loss_argument=("model = dict(weak_losses=[dict("
                   "type='mmboxcaseg.MILLoss', weight=1)])",
                   "model.weak_losses.0.weight: MILLoss has no argument"),
    model_argument=('model = dict(backbonee=dict())',
                    "model.backbonee: BoxCaseg has no argument 'backbonee'"),
    unknown_head=("model = dict(weak_head=dict(type='mmboxcaseg.Head'))",
                  "model.weak_head.type: there is no model 'mmboxcaseg.Head'"),
    transferred_head_alone=('model = dict(weak_head=None)', 'set weak_head'),
    unknown_output=("model = dict(test_cfg=dict(output='best'))",
                    "test_cfg.output='best' must be one of"),
    hook_misspelt=("default_hooks = dict(checkpoint=dict("
                   "type='CheckpointHok'))",
                   'default_hooks.checkpoint.type: there is no hook'),
    loop_misspelt=("train_cfg = dict(type='EpochBasedTrainLop')",
                   "Did you mean 'EpochBasedTrainLoop'?"),
    length_misspelt=("train_cfg = dict(_delete_=True, max_epoch=2, "
                     "type='EpochBasedTrainLoop')",
                     'train_cfg.max_epoch: EpochBasedTrainLoop has no'),
    length_forgotten=("train_cfg = dict(_delete_=True, "
                      "type='EpochBasedTrainLoop')",
                      "train_cfg.type: EpochBasedTrainLoop also needs "
                      "'max_epochs'"),
    dataset_misspelt=(f"{SOURCE}['type'] = 'mmboxcaseg.BoxCrops'",
                      'train_dataloader.dataset.datasets.0.type: there is '
                      "no dataset 'mmboxcaseg.BoxCrops'"),
    dataset_argument=(f"{SOURCE}['anfile'] = 'boxes.json'",
                      'train_dataloader.dataset.datasets.0.anfile'),
    transform_misspelt=(f"{SOURCE}['pipeline'] = "
                        "[dict(type='LoadImageFromFil')]",
                        "Did you mean 'LoadImageFromFile'?"),
    data_lost=(f"{SOURCE}['ann_file'] = 'no.json'", 'no.json does not exist'),
    images_lost=(f"{SOURCE}['data_prefix'] = dict(img='no')",
                 '3 of 3 images of'),
    classes_unknown=(f"{SOURCE}['metainfo'] = dict(classes=('cow', ))",
                     "no category named ['cow']"),
    ratio_misfit=("train_dataloader['batch_sampler'] = "
                  'dict(source_ratio=(9, 8))',
                  'a batch of 16 cannot be divided as 9:8'),
    few_salient_images=('',
                        'the last source has 2 samples, but one batch on 1 '
                        'rank(s) needs 7'),
    loader_argument=(ANY_BATCH + "train_dataloader['batch_sice'] = 3",
                     'train_dataloader.batch_sice: DataLoader has no'),
    nothing_to_learn=(ANY_BATCH + "train_dataloader['drop_last'] = True",
                      '6 samples do not fill a batch'),
    optimizer_argument=(ANY_BATCH + 'optim_wrapper = dict('
                        'optimizer=dict(rate=1))',
                        'optim_wrapper.optimizer.rate: AdamW has no'),
    scheduler_misspelt=(ANY_BATCH + "param_scheduler = [dict(type='Poly')]",
                        'param_scheduler.0.type: there is no parameter'),
    no_true_masks=(validate(CROPS, "type='mmboxcaseg.InstanceIoUMetric'"),
                   '(val_evaluator): 5 of 5 annotations have no'),
)
COCO = "type='CocoMetric', metric='segm', ann_file=boxes['ann_file']"
# The same for a detector.
DETECTORS = dict(
    classes_of_a_head=("model['roi_head']['mask_head']['num_classes'] = 9",
                       'model.roi_head.mask_head.num_classes is 9'),
    unknown_class=("boxes['metainfo'] = dict(classes=('cat', 'cow'))\n"
                   "train_dataloader['dataset']['dataset']['metainfo'] = "
                   "boxes['metainfo']",
                   "Config: ['cat', 'cow']; file: ['cat', 'dog']"),
    classes_in_another_order=(
        "train_dataloader['dataset']['dataset']['metainfo'] = "
        "dict(classes=('dog', 'cat'))",
        "Config: ['dog', 'cat']; file: ['cat', 'dog']"),
    threshold_in_per_cent=("train_dataloader['dataset'] = dict(boxes, "
                           "type='mmboxcaseg.ProxyCocoDataset', "
                           '_delete_=True, mask_score_thr=95)',
                           'mask_score_thr=95 must be in [0, 1]'),
    no_true_masks=(validate(DETECTIONS, COCO),
                   '(val_evaluator): 5 of 5 annotations have no'),
    truth_lost=(validate(DETECTIONS,
                         COCO.replace("boxes['ann_file']",
                                      "'no.json'")), 'no.json does not exist'),
    validation_data_lost=(validate(f"{DETECTIONS}, ann_file='no.json'",
                                   COCO), 'no.json does not exist'),
    metric_misspelt=(validate(DETECTIONS, COCO.replace('segm', 'mask')),
                     'metric should be one of'),
    evaluator_misspelt=(validate(DETECTIONS, "type='CocoMetrics'"),
                        "Did you mean 'mmboxcaseg.CocoMetric'?"),
    nothing_to_learn=("train_dataloader['batch_sampler'] = dict("
                      "type='AspectRatioBatchSampler', drop_last=True)\n"
                      "train_dataloader['batch_size'] = 64",
                      'do not fill a batch'),
)


@pytest.mark.parametrize('name', LABELLERS)
def test_labeller(data, train, monkeypatch, name):
    lines, words = LABELLERS[name]
    monkeypatch.chdir(data.folder)
    data.labeller.write_text(data.labeller.read_text() + START.format(name) +
                             lines)
    assert words in train('labeller.py')


@pytest.mark.parametrize('name', DETECTORS)
def test_detector(data, train, monkeypatch, name):
    lines, words = DETECTORS[name]
    monkeypatch.chdir(data.folder)
    data.detector.write_text(data.detector.read_text() + START.format(name) +
                             lines)
    assert words in train('detector.py')


@pytest.mark.parametrize('name, content, words', [
    ('no.py', None, 'config not found'),
    ('images', None, 'config not found'),
    ('boxes.json', None, 'it has no `model` and no `train_dataloader`'),
    ('config.txt', b'a = 1', 'cannot be read as a config'),
    ('empty.py', b'', 'it has no `model` and no `train_dataloader`'),
    ('bytes.py', b'\xff\xfe\x00', 'cannot be read as a config'),
    ('based.py', b"_base_ = './no.py'", 'no.py'),
])
def test_no_config(data, train, name, content, words):
    if content is not None:
        (data.folder / name).write_bytes(content)
    assert words in train(name)


@pytest.mark.parametrize('folder', ['boxes.json', 'boxes.json/work'])
def test_work_folder_is_a_file(data, train, folder):
    output = train('labeller.py', '--work-dir', data.folder / folder)
    assert f'{folder} cannot be written' in output


@pytest.mark.parametrize('content, words', [
    (None, 'checkpoint not found'),
    (b'', 'is not a checkpoint or is incomplete'),
])
def test_resume(data, train, content, words):
    path = data.folder / 'iter_1.pth'
    if content is not None:
        path.write_bytes(content)
    assert words in train('labeller.py', '--resume', path)


def test_resume_without_a_model(data, train):
    path = data.folder / 'iter_1.pth'
    path.touch()
    (data.folder / 'empty.py').touch()
    assert 'it has no `model`' in train('empty.py', '--resume', path)


def test_settings_of_the_command_line(train):
    output = train('labeller.py', '--cfg-options', 'train_cfg.max_epochs=no')
    assert "train_cfg.max_epochs is 'no'" in output


def test_byte_order_mark_in_a_file_for_mmdet(data, train):
    data.boxes.write_bytes(b'\xef\xbb\xbf' + data.boxes.read_bytes())
    assert 'begins with a byte order mark' in train('detector.py')
