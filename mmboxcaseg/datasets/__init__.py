"""Data sets, samplers and transforms.

The classes are imported when they are first used: tools that only read COCO
files need :mod:`mmboxcaseg.datasets.coco` and no PyTorch.
"""
import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=['coco', 'transforms'],
    submod_attrs=dict(
        box_batch_sampler=['BoxBatchSampler'],
        box_crops=['BoxCropDataset'],
        collate=['collate_crops'],
        concat_crops=['ConcatCrops'],
        masked_crops=['MaskedCropDataset'],
        proxy_coco=['ProxyCocoDataset'],
        salient=['SalientDataset'],
        samplers=['MultiSourceSampler']))
