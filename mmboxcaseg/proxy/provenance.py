"""The record of how masks were made."""
import hashlib
import json
import os.path as osp
import sys
from pathlib import Path
from typing import Dict, Iterator, List, Optional

from mmengine.fileio import get

LIBRARIES = ('mmboxcaseg', 'torch', 'mmcv', 'cv2', 'numpy', 'transformers',
             'onnxruntime')


def library_versions() -> Dict[str, str]:
    """Versions of the libraries that affect masks, if they are imported."""
    return {
        name: sys.modules[name].__version__
        for name in LIBRARIES if name in sys.modules
    }


def describe_source(path: str,
                    name: Optional[str] = None,
                    backend_args: Optional[dict] = None) -> Dict[str, str]:
    """Describe the source of masks by a name and a hash.

    Args:
        path (str): A file (checkpoint or predictions), or a folder, of which
            the settings (.json) and weights (.safetensors) are hashed.
        name (str, optional): Its name. Defaults to the name of the file.
        backend_args (dict, optional): See :func:`mmengine.fileio.get`.

    Returns:
        dict[str, str]: ``mask_source``, 'NAME@' and the first digits of the
        SHA-256 of the content; and ``sha256``, all of them.
    """
    digest = hashlib.sha256()
    for part in _contents(path, backend_args):
        digest.update(part)
    name = name or osp.splitext(osp.basename(path))[0]
    sha256 = digest.hexdigest()
    return dict(mask_source=f'{name}@{sha256[:8]}', sha256=sha256)


def _contents(path: str, backend_args: Optional[dict]) -> Iterator[bytes]:
    if not osp.isdir(path):
        yield get(path, backend_args)
        return
    for file in sorted(Path(path).iterdir()):
        if file.suffix in ('.json', '.safetensors'):
            yield file.name.encode()
            with file.open('rb') as opened:
                # In pieces: weights can have several gigabytes.
                yield from iter(lambda: opened.read(2**20), b'')


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
