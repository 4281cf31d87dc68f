"""The record of how masks were made."""
import hashlib
import json
import os.path as osp
import sys
from typing import Dict, List, Optional

from mmengine.fileio import get

LIBRARIES = ('mmboxcaseg', 'torch', 'mmcv', 'cv2', 'numpy')


def library_versions() -> Dict[str, str]:
    """Versions of the libraries that shape a mask, as far as imported."""
    return {
        name: sys.modules[name].__version__
        for name in LIBRARIES if name in sys.modules
    }


def describe_source(path: str,
                    name: Optional[str] = None,
                    backend_args: Optional[dict] = None) -> Dict[str, str]:
    """Name the file that masks come from, a checkpoint or predictions.

    Args:
        path (str): The file.
        name (str, optional): Its name. Defaults to that of the file.
        backend_args (dict, optional): See :func:`mmengine.fileio.get`.

    Returns:
        dict[str, str]: ``mask_source``, 'NAME@' and the first digits of the
        SHA-256 of the file; and ``sha256``, all of them.
    """
    digest = hashlib.sha256(get(path, backend_args)).hexdigest()
    name = name or osp.splitext(osp.basename(path))[0]
    return dict(mask_source=f'{name}@{digest[:8]}', sha256=digest)


def digest_masks(annotations: List[dict]) -> str:
    """Fingerprint of proxy masks: it depends on their ids and pixels only.

    Args:
        annotations (list[dict]): Annotations of a proxy file, in its order,
            with masks as RLE. Those without a proxy mask do not count.

    Returns:
        str: SHA-256, hexadecimal.
    """
    masks = [[ann['id'], ann['segmentation']['counts']] for ann in annotations
             if 'mask_score' in ann]
    return hashlib.sha256(json.dumps(masks).encode()).hexdigest()
