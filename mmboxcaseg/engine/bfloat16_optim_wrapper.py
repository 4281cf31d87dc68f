from contextlib import contextmanager
from typing import Iterator

import torch
from mmengine.optim import OptimWrapper
from mmengine.runner import autocast
from torch import nn

from mmboxcaseg.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """Mixed precision in bfloat16, also on a CPU.

    bfloat16 has the range of float32, so gradients need no scaling. MMEngine's
    ``AmpOptimWrapper`` always scales them and does not run on a CPU.

    Args:
        kwargs: Arguments of :class:`mmengine.optim.OptimWrapper`.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the forward pass of one step under autocast.

        Args:
            model (nn.Module): The model to train.
        """
        with super().optim_context(model), autocast(dtype=torch.bfloat16):
            yield
