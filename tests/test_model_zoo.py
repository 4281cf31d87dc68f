"""docs/model_zoo.md lists all configs, with the numbers of their sources."""
import re
from pathlib import Path
from typing import Dict, List

import pytest
import torch
import yaml
from mmengine.config import Config

from mmboxcaseg.registry import MODELS

ROOT = Path(__file__).resolve().parents[1]
ZOO = ROOT / 'docs/model_zoo.md'


def read_rows() -> Dict[str, List[str]]:
    """Cells of each row, by the path of its config."""
    rows = {}
    for line in ZOO.read_text('utf-8').splitlines():
        match = re.match(r'\| \[[^]]+\]\(\.\./(configs/[^)]+\.py)\) \|', line)
        if match:
            assert match[1] not in rows, match[1]
            rows[match[1]] = [cell.strip() for cell in line.split('|')[2:-1]]
    return rows


ROWS = read_rows()


def numbers(cells: List[str]) -> List[str]:
    return [cell for cell in cells[:-1] if re.fullmatch(r'\d+\.\d', cell)]


def test_every_config_has_a_row():
    configs = {
        str(path.relative_to(ROOT))
        for path in ROOT.glob('configs/[!_]*/*.py')
        if not path.stem.endswith('_pipeline')
    }
    assert set(ROWS) == configs


@pytest.mark.parametrize('config', ROWS)
def test_parameters(config):
    cfg = Config.fromfile(ROOT / config).model
    if 'weights' in cfg:
        # It is made of weights of others, of any size.
        assert len(ROWS[config]) == 2
        return
    parameters = next(cell for cell in ROWS[config] if '.' in cell)
    with torch.device('meta'):
        model = MODELS.build(cfg)
    count = sum(param.numel() for param in model.parameters())
    assert parameters == f'{count / 1e6:.1f}'


@pytest.mark.parametrize('config', ROWS)
def test_results_are_those_of_their_source(config):
    """There they are in per cent, or fractions as the demo prints them."""
    source = ROWS[config][-1]
    results = numbers(ROWS[config])[1:]  # behind the parameters
    assert bool(results) == (source != '-')
    for link in re.findall(r'\]\(([^)#]+\.md)#', source):
        text = (ZOO.parent / link).read_text('utf-8')
        for result in results:
            assert re.search(rf'\b{result}\b', text) or re.search(
                rf'\b{float(result) / 100:.3f}\b', text), result


def test_metafiles_agree():
    for path in ROOT.glob('configs/*/metafile.yml'):
        for model in yaml.safe_load(path.read_text('utf-8'))['Models']:
            for result in model.get('Results', ()):
                for value in result['Metrics'].values():
                    assert str(value) in ROWS[model['Config']], model['Name']
