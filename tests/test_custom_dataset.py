"""docs/custom_dataset.md on photographs, from boxes of YOLO to a detector.

Every command and the Python code are taken from the document. What is not in
it: fewer images, and shorter trainings.
"""
import os
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import List

import pytest
from mmengine.fileio import load
from photographs import DATA, needs_photographs

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = (ROOT / 'docs/custom_dataset.md').read_text('utf-8')
NUM_IMAGES, NUM_SALIENT = 30, 70

pytestmark = [pytest.mark.slow, needs_photographs]


def commands() -> List[str]:
    """The commands of the document, in its order."""
    lines = re.findall(r'^    (python tools/.*)$',
                       DOCUMENT.replace('\\\n', ' '), re.MULTILINE)
    return [re.sub(' +', ' ', line) for line in lines]


class Stranger:
    """Types commands in the folder of a project.

    Args:
        folder (Path): The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / 'tools').symlink_to(ROOT / 'tools')
        self.env = dict(
            os.environ,
            OMP_NUM_THREADS='1',
            PATH=f'{Path(sys.executable).parent}:{os.environ["PATH"]}',
            PYTHONPATH=str(ROOT))

    def __call__(self, command: str) -> str:
        """Run a command; returns what it prints."""
        done = subprocess.run(['bash', '-c', command],
                              cwd=self.folder,
                              env=self.env,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT,
                              text=True)
        assert done.returncode == 0, f'{command}\n{done.stdout[-4000:]}'
        return done.stdout


@pytest.fixture
def stranger(tmp_path) -> Stranger:
    """Who has photographs with boxes of YOLO, and salient images."""
    run = Stranger(tmp_path)
    converters = 'python tools/dataset_converters'
    boxes = DATA / 'coco_mini/annotations/boxes_train.json'
    (tmp_path / 'data').mkdir()
    run(f'{converters}/boxes_only.py {boxes} few.json '
        f'--num-images {NUM_IMAGES}')
    run(f'{converters}/proxy_to_yolo.py few.json data/mine --boxes-only')
    (tmp_path / 'data/mine/images').symlink_to(DATA / 'coco_mini/images')
    for kind in ('images', 'masks'):
        folder = tmp_path / 'data/salient' / kind
        folder.mkdir(parents=True)
        for path in islice(
                sorted((DATA / 'ecssd' / kind).iterdir()), NUM_SALIENT):
            (folder / path.name).symlink_to(path)
    return run


def test_document(stranger):
    convert, write, check, train, label, report, detect, test, whole = \
        commands()
    folder = stranger.folder
    assert f'in {NUM_IMAGES} images' in stranger(convert)
    val = DATA / 'coco_mini/annotations/instances_val.json'
    stranger(f'{write} --val {val}')
    for path in (folder / 'configs/mine').iterdir():
        text = re.sub(r'^max_epochs = \d+', 'max_epochs = 2',
                      path.read_text('utf-8'), 0, re.MULTILINE)
        path.write_text(text, 'utf-8')

    assert '\n0 errors' in stranger(check)
    stranger(train)
    stranger(label)
    stranger(report)
    assert '<html' in (folder / 'work_dirs/mine/report.html').read_text()
    stranger(detect)
    annotations = load(folder / 'work_dirs/mine/label.json')['annotations']
    assert all(0 <= ann['mask_score'] <= 1 for ann in annotations)
    # After two epochs it may find nothing.
    assert 'Epoch(test) [20/20]' in stranger(f'{test} --show-dir pictures')
    assert list((folder / 'work_dirs/mine').rglob('pictures/**/*.jpg'))

    code, = re.findall(r'```python\n(.*?)```', DOCUMENT, re.DOTALL)
    (folder / 'use.py').write_text(code)
    (folder / 'photo.jpg').symlink_to(
        next((DATA / 'coco_mini/images').iterdir()))
    assert 'tensor(' in stranger('python use.py')

    printed = stranger(whole)
    assert re.search(r'^  merged +0\.\d+', printed, re.MULTILINE)
    assert (folder / 'work_dirs/mine_all/pipeline.png').is_file()
