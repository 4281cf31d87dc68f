import os.path as osp
from typing import List

from mmengine.dataset import BaseDataset
from mmengine.fileio import isdir, list_dir_or_file

from mmboxcaseg.registry import DATASETS

IMG_EXTENSIONS = ('.jpg', '.jpeg', '.png', '.bmp')


@DATASETS.register_module()
class SalientDataset(BaseDataset):
    """Salient images with object masks: two folders of equal file stems.

    Args:
        data_prefix (dict): ``img`` is the folder of the images, ``mask``
            that of the masks (foreground brighter than 127).
        mask_suffix (str): Ending of the mask files. Defaults to '.png'.
        kwargs: Arguments of :class:`mmengine.dataset.BaseDataset`.

    Raises:
        FileNotFoundError: A folder does not exist, holds no image, or an
            image has no mask or a mask no image.
        ValueError: Two images have the same stem.
    """

    def __init__(self,
                 *args,
                 data_prefix: dict = dict(img='images', mask='masks'),
                 mask_suffix: str = '.png',
                 **kwargs) -> None:
        self.mask_suffix = mask_suffix
        super().__init__(*args, data_prefix=data_prefix, **kwargs)

    def load_data_list(self) -> List[dict]:
        """Pair the images with their masks.

        Returns:
            list[dict]: Items with ``img_path``, ``seg_map_path``, ``img_id``
            (the stem), sorted by stem.
        """
        img_dir, mask_dir = self.data_prefix['img'], self.data_prefix['mask']
        images = self._stems(img_dir, IMG_EXTENSIONS)
        masks = self._stems(mask_dir, (self.mask_suffix, ))
        unpaired = sorted(images.keys() ^ masks.keys())
        if unpaired or not images:
            raise FileNotFoundError(
                f'{len(unpaired)} of {len(images)} images in {img_dir} and '
                f'{len(masks)} masks (*{self.mask_suffix}) in {mask_dir} have '
                f'no partner: {unpaired[:5]}. Every salient image needs a '
                'mask of the same name; correct `data_prefix` or add the '
                'missing files.')
        return [
            dict(
                img_path=osp.join(img_dir, images[stem]),
                seg_map_path=osp.join(mask_dir, masks[stem]),
                img_id=stem) for stem in sorted(images)
        ]

    @staticmethod
    def _stems(folder: str, suffixes: tuple) -> dict:
        if not isdir(folder):
            raise FileNotFoundError(
                f'{folder} does not exist. Set `data_prefix` (or `data_root`) '
                'of SalientDataset to the folders of images and masks.')
        stems: dict = {}
        for name in sorted(list_dir_or_file(folder, list_dir=False)):
            if not name.lower().endswith(suffixes):
                continue
            other = stems.setdefault(osp.splitext(name)[0], name)
            if other != name:
                raise ValueError(
                    f'{folder} holds {other} and {name}, which need different '
                    'stems to be told apart: rename one and its mask.')
        return stems
