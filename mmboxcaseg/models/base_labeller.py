from abc import abstractmethod
from typing import Optional, Sequence, Union

from mmengine.model import BaseModel
from torch import Tensor

from mmboxcaseg import InputError


class BaseLabeller(BaseModel):
    """Base class of all labellers, which turn boxes into masks.

    Args:
        test_cfg (dict): Options of the prediction. ``TEST_CFG`` of the class
            lists them with their defaults.
        data_preprocessor (dict, optional): Config of the preprocessor.
        init_cfg (dict, optional): Initialization config.

    Attributes:
        weights (str, optional): File or folder of the weights that the model
            has loaded itself, None if MMEngine loads its checkpoint.
        weights_name (str, optional): Its name, for ``mask_source``.

    Raises:
        InputError: ``test_cfg`` has an unknown option.
    """

    TEST_CFG: dict = {}
    weights: Optional[str] = None
    weights_name: Optional[str] = None

    def __init__(self,
                 test_cfg: dict = dict(),
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(data_preprocessor, init_cfg)
        unknown = sorted(set(test_cfg) - set(self.TEST_CFG))
        if unknown:
            raise InputError(f'test_cfg has no option {unknown[0]!r}, only '
                             f'{list(self.TEST_CFG)}.')
        self.test_cfg = dict(self.TEST_CFG, **test_cfg)

    def forward(self,
                inputs: Union[Tensor, Sequence[Tensor]],
                data_samples: Optional[list] = None,
                mode: str = 'predict') -> list:
        """Run the network.

        Args:
            inputs (Tensor | Sequence[Tensor]): See ``predict()``.
            data_samples (list[DetDataSample], optional): See ``predict()``.
            mode (str): 'predict'.

        Returns:
            list: What ``predict()`` returns.

        Raises:
            InputError: The mode is another one, such as 'loss' in training.
        """
        if mode != 'predict':
            raise InputError(f'{type(self).__name__} has no mode {mode!r}: it '
                             'labels boxes and cannot be trained.')
        return self.predict(inputs, data_samples)

    @abstractmethod
    def predict(self, inputs: Union[Tensor, Sequence[Tensor]],
                data_samples: list) -> list:
        """Segment the object in every box.

        Args:
            inputs (Tensor | Sequence[Tensor]): What the preprocessor returns.
            data_samples (list[DetDataSample]): One per image, with
                ``gt_instances`` of n boxes, see :class:`PackCrops`.

        Returns:
            list[DetDataSample]: With ``pred_instances.masks``, a sequence of
            n boolean masks, each as large as its window. It may have the
            methods and attributes of :class:`PromptMasks`: ``probability(i)``
            and ``expected_ious``.
        """
