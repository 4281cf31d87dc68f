from pathlib import Path

import pytest
import torch
from small_data import SmallData, run_tool


@pytest.fixture
def tool(monkeypatch, capsys):
    """Runs a converter and returns what it printed."""

    def run(name: str, *argv) -> str:
        run_tool(monkeypatch, f'dataset_converters/{name}', *argv)
        return capsys.readouterr().out

    return run


@pytest.fixture
def data(tmp_path, tiny_coco, tiny_salient) -> SmallData:
    """A small data set, with configs."""
    return SmallData(tmp_path, tiny_coco, tiny_salient)


@pytest.fixture
def checkpoint(build_labeller, tmp_path) -> Path:
    path = tmp_path / 'labeller.pth'
    torch.save(dict(state_dict=build_labeller().state_dict()), path)
    return path
