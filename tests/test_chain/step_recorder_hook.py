"""A hook that test_two_processes.py adds to a training."""
import json
import os.path as osp

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from torch.nn.modules.batchnorm import _BatchNorm


@HOOKS.register_module()
class StepRecorderHook(Hook):
    """Record weights, samples and losses, with batch norm in evaluation mode.

    In training mode a batch norm sees only the batch of its process, so two
    processes would differ from one by design.
    """

    def before_train(self, runner) -> None:
        self._save(runner, 'start')

    def after_train(self, runner) -> None:
        self._save(runner, 'end')

    @staticmethod
    def _save(runner, when: str) -> None:
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        torch.save(model.state_dict(),
                   osp.join(runner.work_dir, f'{when}_rank{get_rank()}.pth'))

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        for module in runner.model.modules():
            if isinstance(module, _BatchNorm):
                module.eval()

    def after_train_iter(self,
                         runner,
                         batch_idx,
                         data_batch=None,
                         outputs=None) -> None:
        step = dict(
            losses={
                key: float(value)
                for key, value in outputs.items()
            },
            boxes=[
                ann_id for sample in data_batch['data_samples']
                for ann_id in sample.gt_instances.get('ann_ids', [])
            ],
            salient=[
                sample.img_id for sample in data_batch['data_samples']
                if 'masks' in sample.gt_instances
            ])
        path = osp.join(runner.work_dir, f'steps_rank{get_rank()}.jsonl')
        with open(path, 'a', encoding='utf-8') as file:
            file.write(json.dumps(step, default=int) + '\n')
