"""A small data set of a user, and the configs that are written for it."""
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Callable, List

import numpy as np
from mmengine.config import Config
from proxy_files import write_proxy_files

STAGES = ('labeller', 'detector', 'pipeline')


def write_own_data(tiny_coco: Callable, tiny_salient: Callable,
                   rng: np.random.Generator) -> SimpleNamespace:
    """Write the input of new_dataset.py.

    Args:
        tiny_coco (Callable): The fixture.
        tiny_salient (Callable): The fixture.
        rng (np.random.Generator): Draws the masks.

    Returns:
        SimpleNamespace: Paths ``boxes``, ``images``, ``salient`` (a list of
        two), ``proxy`` and ``val``.
    """
    coco = tiny_coco()
    stems = [f's{i}' for i in range(7)]
    salient = tiny_salient(stems, stems)['data_prefix']
    paths = write_proxy_files(coco, rng)
    # The crowd has no mask there, which a metric would need.
    truth = json.loads(Path(paths.truth).read_text())
    truth['annotations'] = [
        ann for ann in truth['annotations'] if ann.get('segmentation')
    ]
    Path(paths.truth).write_text(json.dumps(truth))
    proxy = json.loads(Path(paths.proxy).read_text())
    for ann in proxy['annotations']:
        if 'mask_score' in ann:
            ann['expected_iou'] = 0.5
    Path(paths.proxy).write_text(json.dumps(proxy))
    return SimpleNamespace(
        boxes=coco['ann_file'],
        images=coco['data_prefix']['img'],
        salient=[salient['img'], salient['mask']],
        proxy=paths.proxy,
        val=paths.truth)


def read_configs(folder: Path, printed: str) -> SimpleNamespace:
    """Read what new_dataset.py has written.

    Args:
        folder (Path): Its ``--out``.
        printed (str): What it printed.

    Returns:
        SimpleNamespace: The configs by stage, their ``paths``, what was
        ``printed``, and the ``commands`` in it.
    """
    paths = {stage: folder / f'{folder.name}_{stage}.py' for stage in STAGES}
    cfgs = {stage: Config.fromfile(path) for stage, path in paths.items()}
    return SimpleNamespace(
        **cfgs,
        paths=paths,
        printed=printed,
        commands=printed_commands(printed))


def printed_commands(printed: str) -> List[str]:
    """The commands that new_dataset.py has printed."""
    return re.findall(r'^    (.*)$', printed, re.MULTILINE)
