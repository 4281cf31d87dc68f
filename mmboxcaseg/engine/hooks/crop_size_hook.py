from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmboxcaseg.datasets.concat_crops import check_crop_sizes
from mmboxcaseg.registry import HOOKS


@HOOKS.register_module()
class CropSizeHook(Hook):
    """Refuse a run whose crop size is set where it has no effect.

    The check is :func:`check_crop_sizes`. It is a hook so that it works with
    every program that runs a config.
    """

    def before_run(self, runner: Runner) -> None:
        """Check the config of the runner.

        Args:
            runner (Runner): The runner.
        """
        check_crop_sizes(runner.cfg)
