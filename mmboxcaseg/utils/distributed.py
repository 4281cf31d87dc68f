import os
import subprocess
from datetime import timedelta

import torch.distributed as torch_dist
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import is_distributed

from mmboxcaseg import InputError

# Environment variables of PyTorch, and those of each launcher.
_TARGETS = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK')
_SOURCES = dict(
    pytorch=_TARGETS,
    slurm=('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
    mpi=tuple(f'OMPI_COMM_WORLD_{name}'
              for name in ('RANK', 'SIZE', 'LOCAL_RANK')))


def init_distributed(launcher: str, cfg: Config) -> None:
    """Prepare a run of several processes on a machine without a GPU.

    MMEngine's own initialisation needs a CUDA device, but is skipped if a
    process group exists. Therefore this function creates the group, with
    gloo, before the Runner is built, and the model is wrapped without a
    device id. With a GPU, or without a launcher, it does nothing.

    Args:
        launcher (str): 'none', 'pytorch', 'slurm' or 'mpi'.
        cfg (Config): The config; its ``model_wrapper_cfg`` may be changed.

    Raises:
        InputError: The launcher did not start this process.
    """
    if launcher == 'none' or get_device() != 'cpu':
        return
    # A wrapper in the config is kept, but without a device id. The default is
    # the wrapper that MMEngine's Runner uses.
    wrapper_cfg = cfg.get('model_wrapper_cfg') or dict(
        type='MMDistributedDataParallel',
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False))
    wrapper_cfg.setdefault('device_ids', None)
    cfg.model_wrapper_cfg = wrapper_cfg

    if is_distributed():
        return
    _export_rank(launcher)
    seconds = cfg.get('env_cfg', {}).get('dist_cfg', {}).get('timeout')
    timeout = None if seconds is None else timedelta(seconds=seconds)
    torch_dist.init_process_group(backend='gloo', timeout=timeout)


def _export_rank(launcher: str) -> None:
    """Copy the launcher's environment variables to those of PyTorch."""
    sources = _SOURCES[launcher]
    host = 'SLURM_NODELIST' if launcher == 'slurm' else 'MASTER_ADDR'
    missing = [one for one in (*sources, host) if one not in os.environ]
    if missing:
        raise InputError(
            f"launcher='{launcher}' needs the environment variable(s) "
            f'{", ".join(missing)}: start the program with tools/dist_*.sh '
            'or slurm_*.sh, or with torchrun, srun or mpirun.')
    for target, source in zip(_TARGETS, sources):
        os.environ[target] = os.environ[source]
    os.environ.setdefault('MASTER_PORT', '29500')
    if 'MASTER_ADDR' not in os.environ:
        # Rank 0 runs on the first host of a Slurm job.
        hosts = subprocess.check_output(
            ['scontrol', 'show', 'hostnames', os.environ[host]], text=True)
        os.environ['MASTER_ADDR'] = hosts.split()[0]
