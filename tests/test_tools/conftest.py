from functools import partial
from pathlib import Path

import pytest
import torch
from small_data import SmallData, end_of, run_tool


@pytest.fixture
def data(tmp_path, tiny_coco, tiny_salient) -> SmallData:
    return SmallData(tmp_path, tiny_coco, tiny_salient)


@pytest.fixture
def checkpoint(build_labeller, tmp_path) -> Path:
    path = tmp_path / 'labeller.pth'
    torch.save(dict(state_dict=build_labeller().state_dict()), path)
    return path


@pytest.fixture
def refused(monkeypatch, capsys):
    """Runs a program that must refuse its input; returns its output."""
    return partial(end_of, monkeypatch, capsys)


@pytest.fixture
def tool(monkeypatch, capsys):
    """Runs a converter and returns what it printed."""

    def run(name: str, *argv) -> str:
        run_tool(monkeypatch, f'dataset_converters/{name}', *argv)
        return capsys.readouterr().out

    return run
