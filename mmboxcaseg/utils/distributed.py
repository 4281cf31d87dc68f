import os
import subprocess
from datetime import timedelta
from typing import Dict

import torch.distributed as torch_dist
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import is_distributed

from mmboxcaseg import InputError

# Environment variables in which each launcher passes the rank of a process.
_LAUNCHER_ENV: Dict[str, Dict[str, str]] = {
    'pytorch':
    dict(RANK='RANK', WORLD_SIZE='WORLD_SIZE', LOCAL_RANK='LOCAL_RANK'),
    'slurm':
    dict(
        RANK='SLURM_PROCID',
        WORLD_SIZE='SLURM_NTASKS',
        LOCAL_RANK='SLURM_LOCALID'),
    'mpi':
    dict(
        RANK='OMPI_COMM_WORLD_RANK',
        WORLD_SIZE='OMPI_COMM_WORLD_SIZE',
        LOCAL_RANK='OMPI_COMM_WORLD_LOCAL_RANK'),
}


def init_distributed(launcher: str, cfg: Config) -> None:
    """Prepare a run of several processes on a machine without a GPU.

    MMEngine's own initialisation selects a CUDA device and fails without one,
    but it is skipped if a process group exists. So without a GPU the group is
    created here, with gloo, before the Runner is built. The model is wrapped
    as on a GPU, but without a device id. With a GPU, or without a launcher,
    nothing is done.

    Args:
        launcher (str): 'none', 'pytorch', 'slurm' or 'mpi'.
        cfg (Config): The config; its ``model_wrapper_cfg`` may be changed.

    Raises:
        InputError: The launcher did not start this process.
    """
    if launcher == 'none' or get_device() != 'cpu':
        return
    # A wrapper of the config is kept, without a device.
    wrapper_cfg = cfg.get('model_wrapper_cfg') or dict(
        type='MMDistributedDataParallel',
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False))
    wrapper_cfg.setdefault('device_ids', None)
    cfg.model_wrapper_cfg = wrapper_cfg

    if is_distributed():
        return
    _export_rank(launcher)
    dist_cfg = cfg.get('env_cfg', {}).get('dist_cfg', {})
    kwargs = dict()
    if 'timeout' in dist_cfg:
        kwargs['timeout'] = timedelta(seconds=dist_cfg['timeout'])
    torch_dist.init_process_group(backend='gloo', **kwargs)


def _export_rank(launcher: str) -> None:
    """Copy the launcher's environment variables to those of PyTorch."""
    names = _LAUNCHER_ENV[launcher]
    required = list(names.values())
    if launcher == 'slurm':
        required.append('SLURM_NODELIST')
    else:
        required.append('MASTER_ADDR')
    missing = [name for name in required if name not in os.environ]
    if missing:
        raise InputError(
            f"launcher='{launcher}' needs the environment variable(s) "
            f'{", ".join(missing)}: start the program with tools/dist_*.sh '
            'or slurm_*.sh, or with torchrun, srun or mpirun.')
    for target, source in names.items():
        os.environ[target] = os.environ[source]
    os.environ.setdefault('MASTER_PORT', '29500')
    if 'MASTER_ADDR' not in os.environ:
        os.environ['MASTER_ADDR'] = _first_slurm_host()


def _first_slurm_host() -> str:
    """The first host of this Slurm job, where rank 0 runs."""
    hosts = subprocess.run(
        ['scontrol', 'show', 'hostnames', os.environ['SLURM_NODELIST']],
        check=True,
        capture_output=True,
        text=True)
    return hosts.stdout.split()[0]
