import pytest
from small_data import run_tool


@pytest.fixture
def tool(monkeypatch, capsys):
    """Runs a converter and returns what it printed."""

    def run(name: str, *argv) -> str:
        run_tool(monkeypatch, f'dataset_converters/{name}', *argv)
        return capsys.readouterr().out

    return run
