import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmpretrain.models import TIMMBackbone

from mmboxcaseg.datasets.concat_crops import check_crop_sizes
from mmboxcaseg.models import BoxCaseg
from mmboxcaseg.registry import HOOKS


@HOOKS.register_module()
class CropSizeHook(Hook):
    """Check the crop sizes in every program that runs a config.

    See :func:`check_crop_sizes`. A training also checks that its backbone
    accepts the crops of validation and labelling: the size must fit the
    patches of a vision transformer.
    """

    def before_run(self, runner: Runner) -> None:
        """Check the config of the runner.

        Args:
            runner (Runner): The runner of any program.

        Raises:
            InputError: A crop size has no effect.
        """
        check_crop_sizes(runner.cfg)

    @torch.no_grad()
    def before_train(self, runner: Runner) -> None:
        """Run the labeller on an empty crop of each size that is used later.

        Args:
            runner (Runner): The runner of the training.

        Raises:
            InputError: The backbone does not accept a size.
        """
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        # Only vision transformers of timm check the size of their input.
        if not (isinstance(model, BoxCaseg)
                and isinstance(model.backbone, TIMMBackbone)):
            return
        device = next(model.parameters()).device
        model.eval()  # BN keeps its statistics
        for name in ('val_dataloader', 'label_dataloader'):
            dataset = (runner.cfg.get(name) or {}).get('dataset') or {}
            size = dataset.get('crop_size')
            if size:
                model.logit_maps(torch.zeros(1, 3, size, size, device=device))
        model.train()
