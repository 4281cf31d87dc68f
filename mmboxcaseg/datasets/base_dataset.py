from typing import Any, Optional, Sequence

from mmcv.transforms import LoadImageFromFile as StockLoadImageFromFile
from mmdet.datasets import BaseDetDataset
from mmengine.dataset import Compose

from mmboxcaseg import InputError
from .coco import CocoBoxes, is_readable
from .transforms import LoadImageFromFile


def is_step(step: object, *transforms: type) -> bool:
    """Whether a step of a pipeline is one of these stock transforms.

    Args:
        step (object): A dict of a config, or a transform that is built.
        transforms (type): Transforms of mmcv or mmdet. The ``type`` of the
            step may be a class or its name.

    Returns:
        bool: False if the step is built, or another transform.
    """
    if not isinstance(step, dict):
        return False
    names = [
        scope + transform.__name__ for transform in transforms
        for scope in ('', 'mmcv.', 'mmdet.')
    ]
    return step['type'] in transforms or step['type'] in names


def loads_upright(pipeline: Compose) -> bool:
    """Whether a pipeline applies the EXIF orientation of images.

    Args:
        pipeline (Compose): Pipeline of a data set.

    Returns:
        bool: False if the options or the backend of its loader prevent it.
    """
    for transform in pipeline.transforms:
        if isinstance(transform, StockLoadImageFromFile):
            # Other colour types and backends (turbojpeg, tifffile) give
            # the image as it is stored.
            return (transform.color_type in ('color', 'grayscale')
                    and transform.imdecode_backend in ('cv2', 'pillow'))
    return True


class NamesBrokenFiles(BaseDetDataset):
    """A data set that names the file that it could not load, and the fix.

    A stock LoadImageFromFile in its pipeline is replaced by mmboxcaseg's.

    Args:
        data_prefix (dict): ``img`` is the folder of the images.
        pipeline (Sequence): Transforms.
        kwargs: Arguments of :class:`mmdet.datasets.BaseDetDataset`.

    Raises:
        InputError: A folder is missing in ``data_prefix``.
    """

    FOLDERS = ('img', )

    def __init__(self,
                 *args,
                 data_prefix: dict = dict(img=''),
                 pipeline: Sequence = (),
                 **kwargs) -> None:
        for key in self.FOLDERS:
            if key not in data_prefix:
                raise InputError(f'data_prefix={data_prefix} of '
                                 f'{type(self).__name__} has no `{key}`: set '
                                 f'data_prefix.{key} to a folder.')
        pipeline = [
            dict(step, type=LoadImageFromFile) if is_step(
                step, StockLoadImageFromFile) else step for step in pipeline
        ]
        super().__init__(
            *args, data_prefix=data_prefix, pipeline=pipeline, **kwargs)

    def read_boxes(self) -> CocoBoxes:
        """Read and check ``ann_file``, and set the classes in use.

        Returns:
            CocoBoxes: Its content.

        Raises:
            FileNotFoundError, InputError: See :class:`CocoBoxes`.
        """
        coco = CocoBoxes(self.ann_file, self.data_prefix['img'],
                         self._metainfo.get('classes'),
                         loads_upright(self.pipeline), self.backend_args)
        self._metainfo['classes'] = coco.classes
        return coco

    def prepare_data(self, idx: int) -> Any:
        """Load item ``idx``.

        Raises:
            InputError: Its image or mask is damaged. The message names the
                file.
        """
        try:
            return super().prepare_data(idx)
        except Exception as error:
            # Checked after a failure only: decoding every file in advance
            # would take long.
            item = self.get_data_info(idx)
            for key in ('img_path', 'seg_map_path'):
                # CocoDataset sets `seg_map_path` to None without maps.
                if item.get(key) and not is_readable(item[key],
                                                     self.backend_args):
                    raise InputError(
                        f'{item[key]} cannot be decoded: it is damaged or was '
                        'cut short. Replace it; tools/check_data.py finds all '
                        'such files.') from error
            raise


class CropDataset(NamesBrokenFiles):
    """A data set whose items are cropped to squares of one size.

    Args:
        crop_size (int, optional): Side of the crops in pixels, for
            transforms without ``size``.
        kwargs: Arguments of :class:`mmdet.datasets.BaseDetDataset`.
    """

    def __init__(self,
                 *args,
                 crop_size: Optional[int] = None,
                 **kwargs) -> None:
        self.crop_size = crop_size
        super().__init__(*args, **kwargs)

    def get_data_info(self, idx: int) -> dict:
        """Get item ``idx`` with ``crop_size``, before its pipeline."""
        return dict(super().get_data_info(idx), crop_size=self.crop_size)
