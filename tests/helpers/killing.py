"""Labellings that are killed."""
import time
from pathlib import Path


def count_lines(path: Path) -> int:
    return path.read_bytes().count(b'\n') if path.exists() else 0


def kill_after(workspace, command: list, shard: Path, lines: int) -> None:
    """Kill a labelling once its shard has so many lines."""
    process = workspace.start(*command)
    deadline = time.time() + 120
    try:
        while (count_lines(shard) < lines and process.poll() is None
               and time.time() < deadline):
            time.sleep(0.002)
    finally:
        workspace.kill(process)
    assert count_lines(shard) >= lines, process.stdout.read()[-2000:]
