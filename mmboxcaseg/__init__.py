from importlib import metadata
from typing import Dict, List, Optional, Tuple

from packaging.version import Version

from .errors import InputError
from .progress import track
from .version import __version__

# module: (distribution, lowest version, first version that is too new)
REQUIRED: Dict[str, Tuple[str, str, str]] = {
    'mmengine': ('onedl-mmengine', '0.10.12', '1.0.0'),
    'mmcv': ('onedl-mmcv', '2.3.0', '2.4.0'),
    'mmdet': ('onedl-mmdetection', '3.5.0', '4.0.0'),
    'mmpretrain': ('onedl-mmpretrain', '1.3.0', '2.0.0'),
}


def find_versions() -> Dict[str, Optional[str]]:
    """Look up the versions of the OpenMMLab packages without importing them.

    Returns:
        Dict[str, Optional[str]]: The version of each module in ``REQUIRED``,
        None if it is not installed. Upstream's distribution, which has the
        name of the module, counts too: ``import`` would find it.
    """
    found: Dict[str, Optional[str]] = {}
    for module, (distribution, _, _) in REQUIRED.items():
        found[module] = None
        for name in (distribution, module):
            try:
                found[module] = metadata.version(name)
                break
            except metadata.PackageNotFoundError:
                continue
    return found


def check_versions(found: Dict[str, Optional[str]]) -> None:
    """Refuse packages whose versions mmboxcaseg does not work with.

    Args:
        found (Dict[str, Optional[str]]): The installed version of each
            module in ``REQUIRED``, None where it is missing.

    Raises:
        RuntimeError: A package is missing, too old or too new. It is not an
            ImportError, because mmengine's registry catches those and prints
            only "mmboxcaseg.X is not in the registry".
    """
    problems: List[str] = []
    wanted: List[str] = []
    for module, (distribution, lowest, too_new) in REQUIRED.items():
        installed = found.get(module)
        if installed is not None and (Version(lowest) <= Version(installed) <
                                      Version(too_new)):
            continue
        problems.append(f'  {module}: installed {installed or "nothing"}, '
                        f'wanted >={lowest}, <{too_new}')
        wanted.append(f"'{distribution}>={lowest},<{too_new}'")
    if problems:
        raise RuntimeError(
            f'mmboxcaseg {__version__} does not work with the installed '
            'packages:\n' + '\n'.join(problems) + '\nTo fix this, run\n'
            f'  pip install --no-build-isolation {" ".join(wanted)}\n'
            '(onedl-mmcv compiles for about 10 minutes unless pip finds a '
            'wheel, and needs torch, ninja, psutil and setuptools<82 '
            'installed first; `make setup` in a checkout does all of it).')


check_versions(find_versions())

__all__ = ['InputError', '__version__', 'track']
