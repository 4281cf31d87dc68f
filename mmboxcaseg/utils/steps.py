"""Run tools one after the other, and skip those that are done."""
import hashlib
import json
import math
import os
import os.path as osp
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import nullcontext, suppress
from itertools import count
from typing import Dict, List, Optional, Sequence, Tuple

from mmengine.config import Config
from mmengine.fileio import get, get_text, load
from mmengine.utils import mkdir_or_exist, scandir

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import first_few, write_atomically
from mmboxcaseg.proxy import ProxyWriter
from mmboxcaseg.registry import builds

# A training does not depend on these settings of its config.
NOT_FOR_TRAINING = ('label_dataloader', 'test_cfg', 'test_dataloader',
                    'test_evaluator')
LOADS_CHECKPOINT = ('train.py', 'test.py', 'label.py',
                    'analysis_tools/draw_results.py')


class StepRunner:
    """Runs tools with their command lines, and records which are done.

    A step is skipped if it was finished before with the same command, the
    same configs and the same input files. A training that was interrupted is
    resumed. Settings that only labelling and testing use do not count for a
    training. If a training runs again, its folder is kept as ``FOLDER.old``.

    Args:
        tools_dir (str): Folder of train.py, test.py and label.py.
        work_dir (str): Folder of all results, with the records in ``steps/``.
        quiet (bool): Whether the output of the tools goes to
            ``logs/STEP.log``.
        trust_checkpoint (bool): Whether the tools that run a network get
            ``--trust-checkpoint``.

    Attributes:
        seconds (dict[str, float]): Duration of each step, by its name.
    """

    def __init__(self,
                 tools_dir: str,
                 work_dir: str,
                 quiet: bool = False,
                 trust_checkpoint: bool = False) -> None:
        self.tools_dir = tools_dir
        self.work_dir = osp.abspath(work_dir)
        self.quiet = quiet
        self.trust_checkpoint = trust_checkpoint
        self.seconds: Dict[str, float] = {}
        mkdir_or_exist(self.path('steps'))
        mkdir_or_exist(self.path('logs'))

    def path(self, *parts: str) -> str:
        """Return a path inside the work folder."""
        return osp.join(self.work_dir, *parts)

    def run(self,
            name: str,
            tool: str,
            args: Sequence[str],
            inputs: Sequence[str] = (),
            out: Optional[str] = None,
            resumable: bool = False,
            unfinished: Optional[str] = None) -> None:
        """Run a tool, unless this step is done.

        Args:
            name (str): Name of the step.
            tool (str): Path of the tool in ``tools_dir``.
            args (Sequence[str]): Its arguments.
            inputs (Sequence[str]): Files, and folders with all that is in
                them, that the result depends on, besides the configs among
                the arguments.
            out (str, optional): File or folder that the step writes. If it
                does not exist, the step runs again.
            resumable (bool): Whether the step is a training, which takes
                ``--resume`` and writes to the folder of ``out``.
            unfinished (str, optional): Folder from which the tool continues.
                If the step has changed, it is removed.

        Raises:
            InputError: The tool failed. It has printed the reason.
        """
        digests = _digests(tool, args, inputs)
        record = self.path('steps', f'{name}.json')
        state = _read_record(record)
        changes = _changes(state, digests, resumable)
        # Without `seconds` in the record, the step was not finished.
        begun = changes == []
        if begun and 'seconds' in state and (not out or osp.exists(out)):
            print(f'[{name}] done before, in {state["seconds"]:.0f} s')
            self.seconds[name] = state['seconds']
            return
        if changes:
            print(f'[{name}] runs again, because this changed: '
                  f'{first_few(changes)}')
            if unfinished:
                shutil.rmtree(unfinished, ignore_errors=True)
        elif 'seconds' in state:
            print(f'[{name}] runs again: {out} does not exist')
        if resumable and not begun and out and osp.exists(out):
            # If it is interrupted, it must not resume an older training.
            folder = osp.dirname(out)
            print(f'[{name}] the training before is now in '
                  f'{_move_aside(folder)}; delete it if you do not need it')
        write_atomically(record, [json.dumps(digests)])
        command = [sys.executable, osp.join(self.tools_dir, tool), *args]
        if resumable and begun:
            command.append('--resume')
        if self.trust_checkpoint and tool in LOADS_CHECKPOINT:
            command.append('--trust-checkpoint')
        print(f'[{name}] {shlex.join(command)}', flush=True)
        start = time.time()
        self._call(name, command)
        self.seconds[name] = round(time.time() - start, 1)
        state = dict(digests, seconds=self.seconds[name])
        write_atomically(record, [json.dumps(state)])

    def train(self,
              name: str,
              config: str,
              *options: str,
              inputs: Sequence[str] = ()) -> str:
        """Train a model in the folder ``name``, with one process.

        Args:
            name (str): Name of the step.
            config (str): Path of the config.
            options (str): Settings to override, as in ``--cfg-options``.
            inputs (Sequence[str]): The annotations, see :meth:`run`.

        Returns:
            str: Path of the last checkpoint.
        """
        folder = self.path(name)
        record = osp.join(folder, 'last_checkpoint')
        args = [config, '--work-dir', folder]
        options += _for_one_process(config)
        if options:
            args += ['--cfg-options', *options]
        self.run(name, 'train.py', args, inputs, record, resumable=True)
        return get_text(record).strip()

    def label(self, name: str, config: str, checkpoint: str, boxes: str,
              images: str, *options: str) -> str:
        """Label boxes.

        Args:
            name (str): Name of the step and of the proxy file.
            config (str): Config of the labeller.
            checkpoint (str): Its checkpoint.
            boxes (str): COCO file of the boxes.
            images (str): Folder of its images.
            options (str): Options of label.py.

        Returns:
            str: Path of the proxy file.
        """
        out, logs = self.path(f'{name}.json'), self.path('logs', name)
        args = [
            config, checkpoint, out, '--boxes', boxes, '--images', images,
            '--work-dir', logs, *options
        ]
        self.run(
            name,
            'label.py',
            args, (checkpoint, boxes),
            out,
            unfinished=ProxyWriter(out, boxes, {}).folder)
        return out

    def test(self, name: str, config: str, checkpoint: str,
             annotations: str) -> Dict[str, float]:
        """Test a model in the folder ``name``; the step is ``{name}_test``.

        Args:
            name (str): Name of the training.
            config (str): Path of the config.
            checkpoint (str): Path of the checkpoint.
            annotations (str): The annotation file of the test set.

        Returns:
            dict[str, float]: The metrics.
        """
        folder = self.path(name, 'test')
        self.run(f'{name}_test', 'test.py',
                 [config, checkpoint, '--work-dir', folder],
                 (checkpoint, annotations), folder)
        # MMEngine writes each test to a folder with its time as the name.
        newest = max(scandir(folder, '.json', recursive=True))
        return load(osp.join(folder, newest))

    def _call(self, name: str, command: Sequence[str]) -> None:
        log = self.path('logs', f'{name}.log')
        # Without a handler, the tool would outlive a terminated pipeline, and
        # the next one would train in the same folder.
        before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            with open(log, 'a') if self.quiet else nullcontext() as file:
                code = subprocess.run(
                    command, stdout=file, stderr=file).returncode
        finally:
            signal.signal(signal.SIGTERM, before)
        if code:
            where = f', see {log}' if self.quiet else ''
            raise InputError(f'step {name} failed{where}. Correct the cause '
                             'and run the same command again: finished steps '
                             'are not repeated.')


def annotation_paths(sources: Sequence[dict]) -> List[str]:
    """Find what the labels of a labeller's data sets are read from.

    Images are not among them: there are too many to read for every step.

    Args:
        sources (Sequence[dict]): Configs of the data sets.

    Returns:
        list[str]: COCO files, lists of salient images, and the folders of
        their masks, for ``inputs`` of :meth:`StepRunner.run`. A folder in a
        remote storage is left out.
    """
    paths = []
    for source in sources:
        root = source.get('data_root') or ''
        if source.get('ann_file'):
            paths.append(osp.join(root, source['ann_file']))
        prefix = source.get('data_prefix') or {}
        is_salient = builds(source, 'SalientDataset')
        folder = prefix.get('mask', 'masks' if is_salient else None)
        if folder and osp.isdir(osp.join(root, folder)):
            paths.append(osp.join(root, folder))
    return paths


def _for_one_process(config: str) -> Tuple[str, ...]:
    """Settings with which one process trains as several would.

    Args:
        config (str): Path of the config.

    Returns:
        tuple[str]: Empty if the learning rate is for the batch of one
        process, or if the config does not tell.
    """
    cfg = Config.fromfile(config)
    base = (cfg.get('auto_scale_lr') or {}).get('base_batch_size')
    loader = cfg.get('train_dataloader', {})
    batch_size = loader.get('batch_size', 1)
    if base in (None, batch_size):
        return ()
    settings = ('auto_scale_lr.enable=True', )
    sampler = loader.get('batch_sampler') or {}
    if sampler.get('num_batches'):
        # They are the batches of each process in an epoch.
        num = math.ceil(sampler.num_batches * base / batch_size)
        settings += f'train_dataloader.batch_sampler.num_batches={num}',
    return settings


def _read_record(path: str) -> dict:
    """Read the record of a step; empty if it is missing or broken."""
    with suppress(FileNotFoundError, ValueError):
        return load(path)
    return {}


def _digests(tool: str, args: Sequence[str], inputs: Sequence[str]) -> dict:
    """Identify a step by its command, its configs and its inputs.

    ``key`` identifies all of them, ``parts`` each one by its name.
    """
    command = repr((tool, tuple(args))).encode()
    key, parts = hashlib.sha256(command), {'the command': _digest(command)}
    for arg in args:
        # The whole config with its bases counts, not only the named file.
        if arg.endswith('.py') and osp.isfile(arg):
            cfg = Config.fromfile(arg)
            key.update(cfg.pretty_text.encode())
            for name, value in cfg.to_dict().items():
                parts[f'{name} of {arg}'] = _digest(repr(value).encode())
    for path in inputs:
        content = _content(path)
        key.update(content)
        parts[path] = _digest(content)
    return dict(key=key.hexdigest(), parts=parts)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _content(path: str) -> bytes:
    """Digest of a file, or of the names and the files of a folder."""
    if not osp.isdir(path):
        return hashlib.sha256(get(path)).digest()
    names = sorted(scandir(path, recursive=True))
    files = [_content(osp.join(path, name)) for name in names]
    return repr(names).encode() + b''.join(files)


def _changes(state: dict, digests: dict,
             is_training: bool) -> Optional[List[str]]:
    """Name what changed since a record; None if there is no record."""
    if 'key' not in state:
        return None
    if state['key'] == digests['key']:
        return []
    if 'parts' not in state:
        return ['the command, a config or an input']
    before, now = state['parts'], digests['parts']
    return [
        name for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
        and not (is_training and name.partition(' of ')[0] in NOT_FOR_TRAINING)
    ]


def _move_aside(folder: str) -> str:
    """Rename a folder to FOLDER.old, FOLDER.old2, ...; return its name."""
    names = (f'{folder}.old{i if i > 1 else ""}' for i in count(1))
    free = next(name for name in names if not osp.exists(name))
    os.rename(folder, free)
    return free
