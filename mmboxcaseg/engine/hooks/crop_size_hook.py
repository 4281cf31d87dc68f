from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmboxcaseg.datasets.concat_crops import check_crop_sizes
from mmboxcaseg.registry import HOOKS


@HOOKS.register_module()
class CropSizeHook(Hook):
    """Call :func:`check_crop_sizes` in every program that runs a config."""

    def before_run(self, runner: Runner) -> None:
        """Check the config of the runner."""
        check_crop_sizes(runner.cfg)
