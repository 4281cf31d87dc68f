"""docs/custom_dataset.md on real images, from YOLO boxes to a detector.

All commands and the Python code come from the document. Only the number of
images and the length of the trainings are smaller.
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
from real_images import DATA, needs_real_images

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = (ROOT / 'docs/custom_dataset.md').read_text('utf-8')
NUM_IMAGES, NUM_SALIENT = 30, 70

pytestmark = [pytest.mark.slow, needs_real_images]


def commands() -> List[str]:
    """The commands of the document, in order."""
    lines = re.findall(r'^    (python tools/.*)$',
                       DOCUMENT.replace('\\\n', ' '), re.MULTILINE)
    return [re.sub(' +', ' ', line) for line in lines]


class User:
    """Runs commands in a project folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / 'tools').symlink_to(ROOT / 'tools')
        self.env = dict(
            os.environ,
            OMP_NUM_THREADS='1',
            PATH=f'{Path(sys.executable).parent}:{os.environ["PATH"]}',
            PYTHONPATH=str(ROOT))

    def __call__(self, command: str) -> str:
        """Run a command and return its output."""
        done = subprocess.run(['bash', '-c', command],
                              cwd=self.folder,
                              env=self.env,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT,
                              text=True)
        assert done.returncode == 0, f'{command}\n{done.stdout[-4000:]}'
        return done.stdout


@pytest.fixture
def user(tmp_path) -> User:
    """A user with real images, YOLO boxes and salient images."""
    run = User(tmp_path)
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


def test_document(user):
    convert, write, check, train, label, report, detect, test, whole = \
        commands()
    folder = user.folder
    assert f'in {NUM_IMAGES} images' in user(convert)
    val = DATA / 'coco_mini/annotations/instances_val.json'
    user(f'{write} --val {val}')
    for path in (folder / 'configs/mine').iterdir():
        text = re.sub(r'^max_epochs = \d+', 'max_epochs = 2',
                      path.read_text('utf-8'), 0, re.MULTILINE)
        path.write_text(text, 'utf-8')

    assert '\n0 errors' in user(check)
    user(train)
    user(label)
    user(report)
    assert '<html' in (folder / 'work_dirs/mine/report.html').read_text()
    user(detect)
    annotations = load(folder / 'work_dirs/mine/label.json')['annotations']
    assert all(0 <= ann['mask_score'] <= 1 for ann in annotations)
    # After two epochs the detector may find nothing.
    assert 'Epoch(test) [20/20]' in user(f'{test} --show-dir results')
    assert list((folder / 'work_dirs/mine').rglob('results/**/*.jpg'))

    code, = re.findall(r'```python\n(.*?)```', DOCUMENT, re.DOTALL)
    (folder / 'use.py').write_text(code)
    (folder / 'photo.jpg').symlink_to(
        next((DATA / 'coco_mini/images').iterdir()))
    assert 'tensor(' in user('python use.py')

    printed = user(whole)
    assert re.search(r'^  merged +0\.\d+', printed, re.MULTILINE)
    assert (folder / 'work_dirs/mine_all/pipeline.png').is_file()
