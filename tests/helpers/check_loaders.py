"""Check data loaders of the small data set."""
from mmengine.config import Config

from mmboxcaseg.checks import check_config

LOAD = [dict(type='LoadImageFromFile')]


def box_dataset(data, **kwargs) -> dict:
    return dict(
        type='mmboxcaseg.BoxCropDataset',
        ann_file=str(data.boxes),
        data_prefix=dict(img=str(data.images)),
        pipeline=LOAD,
        **kwargs)


def check(nproc=1, **loaders):
    """Check data loaders.

    Returns:
        tuple: Examples by kind of finding, and the data sets.
    """
    cfg = Config({
        f'{name}_dataloader': dict(dataset=dataset)
        for name, dataset in loaders.items()
    })
    found, checked = check_config(cfg, nproc)
    return {f.kind: f.examples for f in found}, checked
