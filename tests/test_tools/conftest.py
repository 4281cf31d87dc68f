import importlib
import sys
from pathlib import Path

import pytest

CONVERTERS = Path(__file__).resolve().parents[2] / 'tools/dataset_converters'


@pytest.fixture
def tool(monkeypatch, capsys):
    """Runs a converter and returns what it printed."""
    # By name: worker processes must find the functions they are to call.
    monkeypatch.syspath_prepend(CONVERTERS)

    def run(name: str, *argv) -> str:
        module = importlib.import_module(name)
        monkeypatch.setattr(sys, 'argv', [name, *map(str, argv)])
        module.main()
        return capsys.readouterr().out

    return run
