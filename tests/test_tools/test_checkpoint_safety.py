"""No program and no function runs code that is hidden in a checkpoint."""
from pathlib import Path

import pytest
from hostile import write_hostile
from mmengine.config import Config
from proxy_files import write_proxy_files
from small_data import end_of, run_tool

from mmboxcaseg import InputError
from mmboxcaseg.apis import init_labeller

START = "model = dict(backbone=dict(init_cfg=dict(type='Pretrained', " \
    "checkpoint='hostile.pth')))\n"
TEST = '''
test_cfg = dict(type='TestLoop')
test_dataloader = dict(_delete_=True, **label_dataloader)
test_evaluator = dict(_delete_=True, type='mmboxcaseg.InstanceIoUMetric')
'''
RELEASE = 'model_converters/boxcaseg_release_to_mmboxcaseg'


@pytest.fixture
def mark(data, build_labeller, monkeypatch) -> Path:
    """The file that appears if code in hostile.pth runs."""
    monkeypatch.chdir(data.folder)
    return write_hostile(data.folder / 'hostile.pth',
                         build_labeller().state_dict())


def add_masks(coco: dict) -> None:
    for ann in coco['annotations']:
        ann['segmentation'] = [[5, 5, 9, 5, 9, 9]]


# What is added to labeller.py, and the program with its arguments.
PROGRAMS = dict(
    train_load_from=("load_from = 'hostile.pth'", 'train', 'labeller.py'),
    train_pretrained=(START, 'train', 'labeller.py'),
    train_resume=('', 'train', 'labeller.py', '--resume', 'hostile.pth'),
    test=(TEST, 'test', 'labeller.py', 'hostile.pth'),
    label=('', 'label', 'labeller.py', 'hostile.pth', 'out.json'),
    label_image=('', 'label_image', 'images/a.png', 'labeller.py',
                 'hostile.pth', '--box', '1,1,9,9', '--out', 'out'),
    convert=('', RELEASE, 'hostile.pth', 'out.pth'),
    convert_back=('', RELEASE, 'hostile.pth', 'out.pth', '--reverse'),
    convert_detector=('', 'model_converters/detector_to_mmdet', 'detector.py',
                      'hostile.pth', 'out.pth'))


@pytest.mark.parametrize('name', PROGRAMS)
def test_programs(monkeypatch, capsys, data, mark, name):
    lines, *command = PROGRAMS[name]
    data.edit(add_masks)
    with open(data.labeller, 'a') as file:
        file.write(lines)
    output = end_of(monkeypatch, capsys, *command)
    assert 'hostile.pth contains posix.system' in output
    assert '--trust-checkpoint' in output
    assert not mark.exists()
    assert not Path('out.json').exists() and not Path('out.pth').exists()


def test_trusted(monkeypatch, data, mark):
    run_tool(monkeypatch, RELEASE, 'hostile.pth', 'out.pth', '--reverse',
             '--trust-checkpoint')
    assert mark.exists() and Path('out.pth').exists()


def test_api(data, mark):
    cfg = Config.fromfile(data.labeller)
    with pytest.raises(InputError, match='trust_checkpoint=True'):
        init_labeller(cfg, 'hostile.pth', 'cpu')
    assert not mark.exists()
    init_labeller(cfg, 'hostile.pth', 'cpu', trust_checkpoint=True)
    assert mark.exists()


def test_draw_results(monkeypatch, capsys, data, mark, tiny_coco, rng):
    files = write_proxy_files(tiny_coco(), rng)
    output = end_of(monkeypatch, capsys, 'analysis_tools/draw_results',
                    files.truth, files.img_prefix, '--unmerged', files.proxy,
                    '--merged', files.proxy, '--detector', 'detector.py',
                    '--checkpoint', 'hostile.pth', '--out', 'figures')
    assert 'hostile.pth contains posix.system' in output
    assert not mark.exists()
