import errno

import numpy as np
import pytest
from mmengine.config import Config
from torch.utils.data import DataLoader

from mmboxcaseg.datasets.coco import load_coco
from mmboxcaseg.registry import DATASETS
from mmboxcaseg.structures import tight_box
from mmboxcaseg.utils.cli import exit_on_bad_config, exit_on_bad_input
from mmboxcaseg.utils.explain import explain, find_settings

LABELLER = dict(type='mmboxcaseg.BoxCropDataset', ann_file='no.json')


@pytest.fixture
def cfg(tmp_path) -> Config:
    path = tmp_path / 'a.py'
    path.write_text(f'work_dir = {str(tmp_path)!r}\n'
                    f'loaders = [dict(dataset={LABELLER})]')
    return Config.fromfile(path)


def message_of(cfg, func, *args, **kwargs):
    with pytest.raises(Exception) as error:
        func(*args, **kwargs)
    return explain(error.value, cfg)


class Items:
    """A data set of one item, which is broken."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> dict:
        return load_coco('no.json')


class Mistakes(Items):

    def __getitem__(self, index: int) -> dict:
        return dict()['key']


@pytest.mark.parametrize('num_workers', [0, 1])
def test_our_own_error(cfg, num_workers):
    loader = DataLoader(Items(), num_workers=num_workers)
    message = message_of(cfg, list, loader)
    assert message.startswith('no.json does not exist. Set')
    assert '\n' not in message


@pytest.mark.parametrize('num_workers', [0, 1])
def test_an_error_of_code(cfg, num_workers):
    loader = DataLoader(Mistakes(), num_workers=num_workers)
    assert message_of(cfg, list, loader) is None


def test_an_error_that_a_library_raises_for_us(cfg):
    # numpy complains of what this project hands to it: that is a mistake.
    assert message_of(cfg, tight_box, 'no mask') is None
    assert message_of(cfg, np.stack, []) is None


def test_a_full_disk(cfg):
    with pytest.raises(OSError) as error, open('/dev/full', 'w') as file:
        file.write('a')
    assert error.value.errno == errno.ENOSPC
    message = explain(error.value, cfg)
    assert message.startswith(f'{cfg.work_dir}: No space left on device')


def test_a_file_that_the_system_refuses(cfg, tmp_path):
    assert message_of(cfg, open, tmp_path) == f'{tmp_path}: Is a directory'
    with pytest.raises(SystemExit, match='Is a directory'):
        with exit_on_bad_input():
            open(tmp_path)
    # A broken connection names none.
    assert explain(raised(ConnectionResetError()), cfg) is None


def raised(error: Exception) -> Exception:
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


@pytest.mark.parametrize('change, words', [
    (dict(type='mmboxcaseg.BoxCropDatset'),
     "loaders.0.dataset.type: there is no dataset 'mmboxcaseg.BoxCropDatset'. "
     "Did you mean 'mmboxcaseg.BoxCropDataset'?"),
    (dict(colour='red'), "loaders.0.dataset.colour: BaseDataset has no "
     "argument 'colour'"),
    (dict(data_prefix=dict(img=1)), 'a.py cannot be run: prefix should be'),
])
def test_what_a_class_refuses(cfg, tiny_coco, change, words):
    cfg.loaders[0].dataset.update(tiny_coco(), **change)
    message = message_of(cfg, DATASETS.build, cfg.loaders[0].dataset)
    assert words in message


def test_an_argument_that_no_config_names(cfg):
    wrong = dict(LABELLER, colour='red')
    assert message_of(cfg, DATASETS.build, wrong) is None


def test_other_errors_keep_their_traceback(cfg):
    with pytest.raises(ZeroDivisionError), exit_on_bad_config(cfg):
        1 / 0
    with pytest.raises(SystemExit, match='no.json does not exist'):
        with exit_on_bad_config(cfg):
            load_coco('no.json')


def test_find_settings():
    node = dict(a=[dict(b=1), dict(b=2)], b=dict(c=3))
    assert find_settings(node, lambda key, _: key == 'b') == {
        'a.0.b': 1,
        'a.1.b': 2,
        'b': dict(c=3)
    }
