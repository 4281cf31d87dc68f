"""A storage whose addresses are no paths, as a user registers his own."""
import os.path as osp
from collections import Counter
from typing import Callable

from mmengine.fileio import BaseStorageBackend, LocalBackend, register_backend


def _ask(name: str) -> Callable:
    """A method of LocalBackend that takes addresses and is counted."""

    def method(self, address: str, *args):
        self.requests[name] += 1
        return getattr(LocalBackend(), name)(self.path(address), *args)

    return method


class MyBackend(BaseStorageBackend):
    """The files of a folder; 'a/b' and 'mine://a/b' are BUCKET/a/b.

    Args:
        bucket (str): The folder. Defaults to '/'.
    """

    requests: Counter = Counter()

    def __init__(self, bucket: str = '/') -> None:
        self.bucket = bucket

    def path(self, address: str) -> str:
        return osp.join(self.bucket, address.rpartition('://')[2].lstrip('/'))

    get = _ask('get')
    get_text = _ask('get_text')
    exists = _ask('exists')
    isfile = _ask('isfile')
    isdir = _ask('isdir')
    list_dir_or_file = _ask('list_dir_or_file')
    get_local_path = _ask('get_local_path')


register_backend('mine', MyBackend)
register_backend('mine by prefix', MyBackend, prefixes='mine')
