"""The commands that new_dataset.py prints can be typed as they are."""
import shlex
import subprocess
from argparse import ArgumentParser
from pathlib import Path
from typing import List

import pytest
from mmengine.config import Config
from own_data import STAGES, printed_commands

from mmboxcaseg.utils.cli import add_cfg_options


def test_next_commands(new_configs, own_data):
    written = new_configs('--size', 'tiny', '--val', own_data.val)
    commands = [shlex.split(command) for command in written.commands]
    check, train, label, report, retrain, test = commands
    assert train[2] == label[2] == str(written.paths['labeller'])
    assert label[3:5] == ['$(cat', 'work_dirs/mine/labeller/last_checkpoint)']
    assert label[5] == report[2] == 'work_dirs/mine/label.json'
    assert report[4:7] == [own_data.images, '--threshold', '0.8']
    assert retrain[2] == test[2] == str(written.paths['detector'])
    for command in commands:
        assert Path(command[1]).is_file()


def read_dataset(path: Path) -> dict:
    return Config.fromfile(path).train_dataloader.dataset


def test_masks_of_a_small_labeller_are_weighted(new_configs):
    written = new_configs('--size', 'small')
    assert read_dataset(written.paths['detector']).mask_filter == dict(
        key='expected_iou', soft=True)
    report, = [c for c in written.commands if 'proxy_report' in c]
    assert '--threshold 0.0 --score expected_iou' in report


def test_other_masks_have_a_threshold(run_new_dataset, own_data, tmp_path):
    """They may have no expected IoU."""
    out = tmp_path / 'mine'
    run_new_dataset('--boxes', own_data.boxes, '--images', own_data.images,
                    '--out', out, '--size', 'small')
    dataset = read_dataset(out / 'mine_detector.py')
    assert dataset.mask_score_thr == 0.8 and 'mask_filter' not in dataset


def shell_words(command: str) -> List[str]:
    """Words of a command; `cat` only names its file."""
    script = f'cat() {{ echo "content of $1"; }}; printf "%s\\n" {command}'
    return subprocess.check_output(['bash', '-c', script],
                                   text=True).splitlines()


def test_second_round_and_names_with_spaces(run_new_dataset, own_data,
                                            tmp_path):
    out, images = tmp_path / "it's mine, too", tmp_path / 'my images'
    Path(own_data.images).rename(images)
    printed = run_new_dataset('--boxes', own_data.boxes, '--images', images,
                              '--salient', *own_data.salient, '--size',
                              'small', '--second-round', '--val', own_data.val,
                              '--out', out)
    configs = {
        stage: out / f"it's mine, too_{stage}.py"
        for stage in (*STAGES, 'student')
    }
    cfgs = {stage: Config.fromfile(path) for stage, path in configs.items()}
    assert cfgs['pipeline'].student == "it's mine, too_student.py"
    check, train, label, again, relabel, report, retrain, test = map(
        shell_words, printed_commands(printed))
    for command in (train, label, relabel):
        assert command[2] == str(configs['labeller'])
    assert again[2] == str(configs['student'])
    work_dir = "work_dirs/it's mine, too"
    first, second = (f'content of {work_dir}/{stage}/last_checkpoint'
                     for stage in ('labeller', 'student'))
    options = ['--merge-by', 'probability']
    assert label[3:] == [first, f'{work_dir}/round1.json', *options]
    parser = ArgumentParser()
    add_cfg_options(parser)
    # Not a list, despite the comma.
    assert parser.parse_args(again[3:]).cfg_options == dict(load_from=first)
    assert relabel[3:] == [second, f'{work_dir}/label.json', *options]
    assert report[2] == f'{work_dir}/label.json'
    assert report[4] == str(images)
    assert retrain[2] == test[2] == str(configs['detector'])


def test_folder_with_spaces(new_configs, tmp_path, monkeypatch):
    """The file `last_checkpoint` has an absolute path."""
    folder = tmp_path / 'my folder'
    folder.mkdir()
    monkeypatch.chdir(folder)
    label, = [c for c in new_configs('--size', 'tiny').commands if 'cat' in c]
    assert shell_words(label)[3].startswith('content of ')


@pytest.mark.parametrize('gpus, launched', [(1, 0), (2, 3)])
def test_several_gpus(new_configs, tiny_salient, gpus, launched):
    stems = [f's{i}' for i in range(14)]
    tiny_salient(stems, stems)
    commands = new_configs('--gpus', gpus, '--size', 'w18').commands
    start = f'torchrun --nproc_per_node {gpus} '
    found = [command for command in commands if command.startswith(start)]
    assert found == [
        command for command in commands
        if command.endswith(' --launcher pytorch')
    ]
    assert len(found) == launched


def test_masks_of_another_source(run_new_dataset, own_data, tmp_path):
    """Without salient images only the detector's config is written."""
    out = tmp_path / 'mine'
    printed = run_new_dataset('--boxes', own_data.boxes, '--images',
                              own_data.images, '--size', 'tiny', '--out', out)
    path, = out.iterdir()
    assert path.name == 'mine_detector.py'
    dataset = Config.fromfile(path).train_dataloader.dataset
    merge, report, train = map(shlex.split, printed_commands(printed))
    assert merge[1].endswith('tools/merge_masks.py')
    assert merge[2] == own_data.boxes
    assert merge[4] == report[2] == dataset.ann_file
    assert train[2] == str(path)
