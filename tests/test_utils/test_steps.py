"""A step runs once, unless something that it depends on has changed."""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmboxcaseg import InputError
from mmboxcaseg.datasets import SalientDataset
from mmboxcaseg.utils.steps import (NOT_FOR_TRAINING, StepRunner,
                                    annotation_paths)

TOOL = """
import json, sys
with open('calls.jsonl', 'a') as file:
    file.write(json.dumps(sys.argv[1:]) + '\\n')
print('worked')
sys.exit(open('status').read() or 0)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A folder with a tool that records its arguments, and its input."""
    (tmp_path / 'tool.py').write_text(TOOL)
    (tmp_path / 'boxes.json').write_text('[1]')
    (tmp_path / 'base.py').write_text('lr = 1')
    (tmp_path / 'config.py').write_text("_base_ = 'base.py'")
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'status').write_text('')
    return tmp_path


def run(**kwargs) -> list:
    """Run the step, and return the calls of its tool so far."""
    runner = StepRunner('.', 'work', quiet=True)
    options = {'inputs': ['boxes.json'], **kwargs}
    runner.run('step', 'tool.py', ['config.py', '--flag'], **options)
    lines = Path('calls.jsonl').read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_a_finished_step_is_skipped(folder, capsys):
    assert run() == run() == [['config.py', '--flag']]
    assert '[step] done before' in capsys.readouterr().out
    assert (folder / 'work/logs/step.log').read_text() == 'worked\n'


def test_the_printed_command_can_be_typed(folder, capsys):
    StepRunner('.', 'work').run('step', 'tool.py', ['a [b], c.json'])
    assert capsys.readouterr().out.endswith(" ./tool.py 'a [b], c.json'\n")


@pytest.mark.parametrize('name, text', [('boxes.json', '[2]'),
                                        ('base.py', 'lr = 2')])
def test_a_changed_file_repeats_the_step(folder, name, text):
    run()
    (folder / name).write_text(text)
    assert len(run()) == 2


@pytest.mark.parametrize('change', [
    lambda masks: (masks / 'one.png').write_text('b'),
    lambda masks: (masks / 'one.png').unlink(),
    lambda masks: (masks / 'one.png').rename(masks / 'three.png'),
    lambda masks: (masks / 'sub/two.png').rename(masks / 'two.png'),
    lambda masks: (masks / 'three.png').touch(),
])
def test_a_changed_folder_repeats_the_step(folder, change):
    masks = folder / 'masks'
    (masks / 'sub').mkdir(parents=True)
    for name in ('one', 'sub/two'):
        (masks / f'{name}.png').write_text('a')
    assert len(run(inputs=['masks'])) == 1
    # Not the time counts: it changes when the same data are unpacked again.
    (masks / 'one.png').touch()
    assert len(run(inputs=['masks'])) == 1
    change(masks)
    assert len(run(inputs=['masks'])) == 2


def test_annotation_paths(folder):
    for name in ('gt', 'salient/masks'):
        (folder / name).mkdir(parents=True)
    salient = dict(type='mmboxcaseg.SalientDataset')
    sources = [
        dict(ann_file='boxes.json', data_prefix=dict(img='images')),
        dict(salient, data_prefix=dict(img='', mask='gt'), ann_file='one.txt'),
        dict(type=SalientDataset, data_root='salient'),
        dict(salient, data_root='s3://bucket')
    ]
    assert annotation_paths(sources) == [
        'boxes.json', 'one.txt', 'gt', 'salient/masks'
    ]


@pytest.mark.parametrize('trusts', [False, True])
def test_trust_checkpoint_is_passed_on(folder, trusts):
    (folder / 'tool.py').rename(folder / 'label.py')
    steps = StepRunner('.', 'work', quiet=True, trust_checkpoint=trusts)
    steps.run('step', 'label.py', ['config.py'])
    call, = Path('calls.jsonl').read_text().splitlines()
    assert json.loads(call)[1:] == ['--trust-checkpoint'] * trusts


SCALED = 'auto_scale_lr.enable=True'


@pytest.mark.parametrize('text, settings', [
    ('', []),
    ('auto_scale_lr = dict(base_batch_size=16)', []),
    ('auto_scale_lr = dict(base_batch_size=32)', [SCALED]),
    ('auto_scale_lr = dict(base_batch_size=128)\n'
     'train_dataloader = dict(batch_sampler=dict(num_batches=10))',
     [SCALED, 'train_dataloader.batch_sampler.num_batches=80']),
])
def test_one_process_trains_like_several(folder, monkeypatch, text, settings):
    (folder / 'base.py').write_text('train_dataloader = dict(batch_size=16)')
    (folder / 'config.py').write_text(f"_base_ = 'base.py'\n{text}")
    found = []

    def run(self, name, tool, args, inputs, out, resumable):
        found.extend(args)
        Path(out).parent.mkdir()
        Path(out).write_text('a.pth')

    monkeypatch.setattr(StepRunner, 'run', run)
    steps = StepRunner('.', 'work')
    assert steps.train('step', 'config.py', 'a=1') == 'a.pth'
    start = ['config.py', '--work-dir', steps.path('step'), '--cfg-options']
    assert found == [*start, 'a=1', *settings]


def test_other_arguments_repeat_the_step(folder):
    run()
    StepRunner('.', 'work').run('step', 'tool.py', ['config.py'])
    assert len(run()) == 3


def test_a_lost_result_repeats_the_step(folder):
    (folder / 'out.json').touch()
    assert len(run(out='out.json')) == len(run(out='out.json')) == 1
    (folder / 'out.json').unlink()
    assert len(run(out='out.json')) == 2


@pytest.mark.parametrize('text', ['', '{"key": "ab', '\x00\x00'])
def test_a_broken_record_repeats_the_step(folder, text):
    run()
    (folder / 'work/steps/step.json').write_text(text)
    assert len(run()) == len(run()) == 2


def test_a_failed_step_is_resumed(folder):
    (folder / 'status').write_text('out of memory')
    with pytest.raises(InputError, match='step step failed, see .*step.log'):
        run(resumable=True)
    (folder / 'status').write_text('')
    assert run(resumable=True)[1:] == [['config.py', '--flag', '--resume']]


def test_the_tool_ends_with_its_pipeline(folder):
    (folder / 'tool.py').write_text(
        'import os, time\n'
        "open('pid.tmp', 'w').write(str(os.getpid()))\n"
        "os.rename('pid.tmp', 'pid')\n"
        'time.sleep(600)')
    program = ('from mmboxcaseg.utils.steps import StepRunner\n'
               "StepRunner('.', 'work').run('step', 'tool.py', [])")
    with subprocess.Popen([sys.executable, '-c', program]) as pipeline:
        while not Path('pid').exists():
            assert pipeline.poll() is None
            time.sleep(0.05)
        pipeline.terminate()
    assert pipeline.returncode == 143
    with pytest.raises(ProcessLookupError):
        os.kill(int(Path('pid').read_text()), 0)


def test_a_changed_step_starts_anew(folder):
    (folder / 'status').write_text('out of memory')
    with pytest.raises(InputError):
        run(resumable=True)
    (folder / 'status').write_text('')
    (folder / 'base.py').write_text('lr = 2')
    assert run(resumable=True)[1:] == [['config.py', '--flag']]


def test_a_changed_training_does_not_resume_the_one_before(folder, capsys):
    newest = folder / 'train/last_checkpoint'
    options = dict(out=str(newest), resumable=True)
    (folder / 'status').write_text('out of memory')
    newest.parent.mkdir()
    newest.write_text('training 1')
    for number, moved in ((2, 'train.old'), (3, 'train.old2')):
        (folder / 'base.py').write_text(f'lr = {number}')
        with pytest.raises(InputError):
            run(**options)
        # train.py --resume would continue from there.
        assert not newest.exists()
        kept = folder / moved / newest.name
        assert kept.read_text() == f'training {number - 1}'
        assert f'before is now in {kept.parent};' in capsys.readouterr().out
        newest.parent.mkdir()
        newest.write_text(f'training {number}')
        with pytest.raises(InputError):
            run(**options)
        assert newest.read_text() == f'training {number}'


def test_a_changed_labelling_run_starts_anew(folder):
    (folder / 'tool.py').rename(folder / 'label.py')
    steps = StepRunner('.', 'work', quiet=True)
    shards = folder / 'work/step.json.shards'
    shards.mkdir()
    (folder / 'status').write_text('killed')
    for lr, is_continued in ((1, True), (1, True), (2, False)):
        (folder / 'base.py').write_text(f'lr = {lr}')
        with pytest.raises(InputError):
            steps.label('step', 'config.py', *['boxes.json'] * 2, 'images')
        # label.py refuses to continue with another config.
        assert shards.exists() == is_continued


@pytest.mark.parametrize('name, text, words', [
    ('boxes.json', '[2]', 'boxes.json'),
    ('base.py', 'lr, epochs = 2, 3', 'epochs of config.py, lr of config.py'),
])
def test_what_changed_is_printed(folder, capsys, name, text, words):
    run()
    (folder / name).write_text(text)
    run()
    printed = capsys.readouterr().out
    assert f'[step] runs again, because this changed: {words}\n' in printed


def test_a_lost_result_is_printed(folder, capsys):
    run(out='boxes.json')
    run(out='no.json')
    assert '[step] runs again: no.json does not' in capsys.readouterr().out


@pytest.mark.parametrize('setting', NOT_FOR_TRAINING)
def test_settings_that_a_training_does_not_use(folder, setting):
    (folder / 'base.py').write_text(f'{setting} = dict(batch_size=8)')
    assert len(run(resumable=True)) == 1
    (folder / 'base.py').write_text(f'{setting} = dict(batch_size=1)')
    assert len(run(resumable=True)) == 1
    assert len(run()) == 2


def test_a_record_with_the_key_alone(folder, capsys):
    """As earlier versions wrote it."""
    run()
    record = folder / 'work/steps/step.json'
    state = json.loads(record.read_text())
    del state['parts']
    record.write_text(json.dumps(state))
    assert len(run()) == 1
    (folder / 'base.py').write_text('lr = 2')
    assert len(run()) == 2
    assert 'because this changed: the command' in capsys.readouterr().out


def test_a_lost_folder_repeats_the_test(folder):
    (folder / 'tool.py').rename(folder / 'test.py')
    results = folder / 'work/name/test'
    results.mkdir(parents=True)
    (results / '1.json').write_text('{"AP": 0.5}')
    steps = StepRunner('.', 'work', quiet=True)
    args = 'name', 'config.py', 'boxes.json', 'boxes.json'
    assert steps.test(*args) == steps.test(*args) == dict(AP=0.5)
    results.rename(folder / 'moved')
    # The tool of this test writes nothing.
    with pytest.raises(FileNotFoundError):
        steps.test(*args)
    assert len(Path('calls.jsonl').read_text().splitlines()) == 2
