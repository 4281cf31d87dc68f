"""A detector of this project, and the same in mmdet without mmboxcaseg."""
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Dict

import torch
from mmcv.transforms import Compose
from mmdet.apis import inference_detector, init_detector
from torch import Tensor

CODE = '''
import os, sys
sys.modules['mmboxcaseg'] = None  # every import of it fails
import torch
from mmdet.apis import DetInferencer

image, out, weights, *config = sys.argv[1:]
detector = DetInferencer(*config or [None], weights, device='cpu')
drawn = f'{out}.drawn'
results = detector(image, out_dir=drawn, return_datasamples=True)
assert os.listdir(f'{drawn}/vis') == [os.path.basename(image)]
found, = results['predictions']
torch.save(dict(found.pred_instances.items()), out)
assert not any(name.startswith('mmboxcaseg.') for name in sys.modules)
'''


def detect_here(image: Path, weights: Path, config: Path) -> Dict[str, Tensor]:
    """Returns ``scores``, ``labels``, ``bboxes`` and ``masks``."""
    model = init_detector(config, str(weights), 'random', 'cpu')
    pipeline = Compose(model.cfg.test_pipeline)
    found = inference_detector(model, str(image), pipeline)
    return dict(found.pred_instances.items())


def run_in_stock_mmdet(*args: Path) -> subprocess.CompletedProcess:
    """Detect objects in a process that cannot import mmboxcaseg.

    Args:
        args (Path): The image, a file for the detections, the checkpoint, and
            the config unless the checkpoint contains it.

    Returns:
        subprocess.CompletedProcess: The process, which may have failed.
    """
    return subprocess.run(
        [sys.executable, '-c', CODE, *args],
        # With one thread, as in tests, the order of sums is the same.
        env=dict(os.environ, OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES=''),
        capture_output=True,
        text=True)


def check_same_detections(expected: Dict[str, Tensor], image: Path,
                          weights: Path, *config: Path) -> None:
    """Check that stock mmdet detects exactly the same."""
    assert len(expected['scores']) > 5 and expected['masks'].any()
    with TemporaryDirectory() as folder:
        out = Path(folder, 'found.pth')
        done = run_in_stock_mmdet(image, out, weights, *config)
        assert not done.returncode, done.stderr
        found = torch.load(out)
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert torch.equal(found[key], value), key
