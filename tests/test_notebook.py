"""demo/quick_start.ipynb runs, without Jupyter."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

from mmboxcaseg.proxy import load_proxy

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / 'demo/quick_start.ipynb'
# Replaced for the test: fewer images and shorter trainings.
SHORT = {
    "make_toy.py')": "make_toy.py', '--num-train', '16', '--num-salient', "
    "'16', '--num-val', '3')",
    '{labeller: 14, detector: 15}': '{labeller: 1, detector: 1}'
}


def cells(kind: str) -> List[dict]:
    content = json.loads(NOTEBOOK.read_text('utf-8'))
    return [cell for cell in content['cells'] if cell['cell_type'] == kind]


def sources(kind: str) -> List[str]:
    return [''.join(cell['source']) for cell in cells(kind)]


def test_links():
    links = re.findall(r'\]\(([^)#]+)', '\n'.join(sources('markdown')))
    assert len(links) > 4
    for link in links:
        assert (NOTEBOOK.parent / link).exists(), link


def test_no_outputs():
    """They would age, and fill the diffs."""
    for cell in cells('code'):
        assert cell['outputs'] == [] and cell['execution_count'] is None


@pytest.mark.slow
def test_all_cells_run(tmp_path):
    """In order, as one program, in a folder without data."""
    program = '\n\n'.join(sources('code'))
    for text, short in SHORT.items():
        assert program.count(text) == 1
        program = program.replace(text, short)
    for name in ('configs', 'tools'):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / 'demo').mkdir()
    path = tmp_path / 'demo/quick_start.py'
    path.write_text(f'{program}\nassert len(plt.get_fignums()) == 5\n')
    env = dict(os.environ, MPLBACKEND='agg', PYTHONPATH=str(ROOT))
    done = subprocess.run([sys.executable, path],
                          cwd=path.parent,
                          env=env,
                          capture_output=True,
                          text=True)
    assert not done.returncode, done.stdout + done.stderr
    folder = tmp_path / 'work_dirs/quick_start'
    annotations = load_proxy(f'{folder}/label.json')['annotations']
    assert len([ann for ann in annotations if 'mask_score' in ann]) > 50
    assert (folder / 'report.html').stat().st_size > 50_000
    assert (folder / 'detector.pth').exists()
