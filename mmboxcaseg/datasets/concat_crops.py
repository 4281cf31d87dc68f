from typing import Optional, Sequence

from mmdet.datasets import ConcatDataset
from mmengine.config import Config

from mmboxcaseg import InputError
from mmboxcaseg.registry import DATASETS


@DATASETS.register_module()
class ConcatCrops(ConcatDataset):
    """Boxes and salient images, all cropped to one size.

    Args:
        datasets (Sequence[dict]): Configs of the sources, such as
            :class:`BoxCropDataset` and :class:`SalientDataset`.
        crop_size (int, optional): Side of the crops in pixels, for the
            sources that do not set it.
        kwargs: Arguments of :class:`mmdet.datasets.ConcatDataset`. The
            sources may have different ``classes``.
    """

    def __init__(self,
                 datasets: Sequence[dict],
                 crop_size: Optional[int] = None,
                 **kwargs) -> None:
        # ConcatDataset requires equal meta information, but salient images
        # have no classes.
        kwargs.setdefault('ignore_keys', ['classes'])
        if crop_size is not None:
            datasets = [_set_crop_size(d, crop_size) for d in datasets]
        super().__init__(datasets, **kwargs)


def _set_crop_size(dataset: dict, crop_size: int) -> dict:
    """Set the crop size of a source, which may be wrapped."""
    if 'dataset' in dataset:
        inner = _set_crop_size(dataset['dataset'], crop_size)
        return dict(dataset, dataset=inner)
    # A crop size that the source sets itself takes precedence.
    return {'crop_size': crop_size, **dataset}


def check_crop_sizes(cfg: Config) -> None:
    """Refuse a variable for the crop size that has no effect on the data sets.

    ``crop_size = 128`` at the top level of a config, or in ``--cfg-options``,
    changes nothing in a base config that was read before.

    Args:
        cfg (Config): Config of a labeller.

    Raises:
        InputError: ``crop_size`` or ``label_size`` differs from the size that
            its data set uses.
    """
    for name, loader in (('crop_size', 'train_dataloader'),
                         ('label_size', 'label_dataloader')):
        used = ((cfg.get(loader) or {}).get('dataset') or {}).get('crop_size')
        if cfg.get(name, used) != used:
            raise InputError(
                f'{name}={cfg[name]} has no effect, because the data set was '
                f'defined before. Set {loader}.dataset.crop_size={cfg[name]} '
                f'instead; it is {used}.')
