"""The files that are installed with the package, in ``mmboxcaseg/.mim``."""
import os.path as osp
from pathlib import Path

CONFIGS = Path(__file__).with_name('.mim') / 'configs'


def find_config(path: str) -> str:
    """Find a config by its path or, if it came with the package, its name.

    ``mim train`` and ``mim test`` take names, too, but ``mim run`` leaves it
    to the tool.

    Args:
        path (str): Path of a file, or the bare name of a config of the
            package such as ``boxcaseg_hrnetv2-tiny_toy.py``.

    Returns:
        str: Path of the config; ``path`` as it is where nothing was found.
    """
    if osp.basename(path) == path and not osp.exists(path):
        for config in sorted(CONFIGS.rglob('*.py')):
            if config.name == path:
                return str(config.resolve())
    return path
