import hashlib

import cv2
import numpy as np

import mmboxcaseg
from mmboxcaseg.proxy.provenance import (describe_source, digest_masks,
                                         library_versions)


def test_versions_of_imported_libraries():
    versions = library_versions()
    assert versions['mmboxcaseg'] == mmboxcaseg.__version__
    assert versions['cv2'] == cv2.__version__
    assert versions['numpy'] == np.__version__


def test_source(tmp_path):
    path = tmp_path / 'sam.json'
    path.write_bytes(b'masks')
    digest = hashlib.sha256(b'masks').hexdigest()
    assert describe_source(str(path)) == dict(
        mask_source=f'sam@{digest[:8]}', sha256=digest)
    assert describe_source(str(path),
                           'mine')['mask_source'] == f'mine@{digest[:8]}'


def test_digest_of_masks():

    def digest(**values) -> str:
        mask = dict(id=3, segmentation=dict(size=[2, 2], counts='112'))
        return digest_masks([dict(mask, mask_score=1., **values), dict(id=4)])

    first = digest()
    assert first == hashlib.sha256(b'[[3, "112"]]').hexdigest()
    # Only masks and ids count.
    assert digest(mask_weight=0, mask_source='human') == first
    assert digest_masks([]) != first
