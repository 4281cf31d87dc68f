"""CPU time until each program has printed its help.

Programs must not import PyTorch and mmdet before their arguments are parsed;
importing PyTorch alone is measured for comparison.
"""
import argparse
import resource
import subprocess
import sys
from pathlib import Path

from common import run_benchmark

TOOLS = Path(__file__).resolve().parents[2]


def cpu_s(*argv: str, rounds: int = 3) -> float:
    """CPU seconds (user + system) of a Python process, the best round."""
    seconds = []
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *argv],
                       check=True,
                       stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime - before.ru_utime + after.ru_stime -
                       before.ru_stime)
    return min(seconds)


def measure(args: argparse.Namespace) -> dict:
    """Measure all programs except the benchmarks."""
    rounds = 1 if args.small else 3
    programs = sorted(
        path for path in TOOLS.rglob('*.py')
        if '__main__' in path.read_text('utf-8')
        and path.parent.name != 'benchmarks')
    seconds = {
        path.stem: cpu_s(str(path), '--help', rounds=rounds)
        for path in programs[:2 if args.small else None]
    }
    torch_s = cpu_s('-c', 'import torch', rounds=rounds)
    slowest = max(seconds.values())
    return dict(
        help=[dict(program=name, s=value) for name, value in seconds.items()],
        torch_s=torch_s,
        slowest_s=slowest,
        slowest_over_torch=slowest / torch_s)


if __name__ == '__main__':
    run_benchmark(__doc__, measure)
