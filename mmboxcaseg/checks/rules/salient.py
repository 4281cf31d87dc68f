import os.path as osp
from typing import Iterator

from ..checked_source import CheckedSource
from ..findings import ERROR, NOTE, WARNING, Case, data_check


@data_check(
    ('mask-dark', ERROR, 'no pixel of the salient mask is brighter than 127',
     'write foreground as 255'),
    ('mask-empty', ERROR, 'the salient mask is empty',
     'remove it and its image, or set single_object=True'),
    ('mask-full', WARNING, 'the salient mask has no background',
     'remove it and its image'),
    ('mask-grey', NOTE,
     'the salient mask is not binary; pixels brighter than 127 are '
     'foreground', 'nothing, or write 0 and 255'),
    salient=True)
def check_salient_masks(one: CheckedSource) -> Iterator[Case]:
    """Masks of salient images."""
    for (path, mask_path, _), facts in one.images():
        for kind in facts.mask_kinds if mask_path else []:
            # single_object=True leaves these out and prints their number.
            if kind != 'mask-empty' or not one.dataset.single_object:
                yield kind, osp.basename(path)
