import os

import pytest
from mmengine.config import Config, ConfigDict

from mmboxcaseg import InputError
from mmboxcaseg.utils import distributed


@pytest.fixture(autouse=True)
def no_gpu_and_clean_environment(monkeypatch):
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(('SLURM_', 'OMPI_', 'MASTER_')) and name not in
        ('RANK', 'WORLD_SIZE', 'LOCAL_RANK')
    }
    monkeypatch.setattr(distributed.os, 'environ', environment)
    monkeypatch.setattr(distributed, 'get_device', lambda: 'cpu')
    return environment


@pytest.fixture
def group(monkeypatch):
    """Notes how the process group is made instead of making it."""
    made = []
    monkeypatch.setattr(distributed.torch_dist, 'init_process_group',
                        lambda **kwargs: made.append(kwargs))
    return made


def test_nothing_to_do(group, monkeypatch):
    cfg = Config()
    distributed.init_distributed('none', cfg)
    monkeypatch.setattr(distributed, 'get_device', lambda: 'cuda')
    distributed.init_distributed('pytorch', cfg)
    assert not group
    assert 'model_wrapper_cfg' not in cfg


@pytest.mark.parametrize('launcher, names', [
    ('pytorch', ('RANK', 'WORLD_SIZE', 'LOCAL_RANK')),
    ('slurm', ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID')),
    ('mpi', ('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE',
             'OMPI_COMM_WORLD_LOCAL_RANK')),
])
def test_gloo_group(no_gpu_and_clean_environment, group, launcher, names):
    environment = no_gpu_and_clean_environment
    environment.update(zip(names, '341'))
    environment.update(MASTER_ADDR='host', SLURM_NODELIST='host')
    cfg = Config(dict(env_cfg=dict(dist_cfg=dict(backend='nccl', timeout=9))))
    distributed.init_distributed(launcher, cfg)

    assert group[0]['backend'] == 'gloo'
    assert group[0]['timeout'].seconds == 9
    assert environment['RANK'] == '3'
    assert environment['WORLD_SIZE'] == '4'
    assert environment['LOCAL_RANK'] == '1'
    assert environment['MASTER_ADDR'] == 'host'
    assert cfg.model_wrapper_cfg.type == 'MMDistributedDataParallel'
    assert cfg.model_wrapper_cfg.device_ids is None


def test_wrapper_of_the_config_is_kept(group, monkeypatch):
    monkeypatch.setattr(distributed, 'is_distributed', lambda: True)
    cfg = Config(dict(model_wrapper_cfg=dict(type='Other')))
    distributed.init_distributed('pytorch', cfg)
    assert cfg.model_wrapper_cfg == ConfigDict(type='Other', device_ids=None)
    # a group that exists already is left alone
    assert not group


@pytest.mark.parametrize('launcher, missing', [
    ('pytorch', 'MASTER_ADDR'),
    ('slurm', 'SLURM_NODELIST'),
    ('mpi', 'OMPI_COMM_WORLD_SIZE'),
])
def test_not_started_by_the_launcher(launcher, missing):
    with pytest.raises(InputError, match=missing):
        distributed.init_distributed(launcher, Config())
