"""Problems of data sets: kinds, the checks that find them, a table of them."""
from collections import Counter
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from mmboxcaseg.datasets.coco import first_few

SEVERITIES = ('error', 'warning', 'note')
ERROR, WARNING, NOTE = SEVERITIES


class Kind(NamedTuple):
    """A kind of finding.

    Args:
        severity (str): 'error': the work would fail, or train on wrong data;
            'warning': data are lost, or probably wrong; 'note': nothing needs
            to be done.
        text (str): What is wrong.
        remedy (str): The fix.
    """
    severity: str
    text: str
    remedy: str


# All kinds by name. Each is defined next to the check that reports it.
KINDS: Dict[str, Kind] = {}
# A kind and an example.
Case = Tuple[str, str]
# Takes a CheckedSource; see the package `rules`.
Check = Callable[[object], Iterator[Case]]
CHECKS: List[Check] = []


def data_check(kinds: Dict[str, Kind]) -> Callable[[Check], Check]:
    """Decorator of a check of one data set.

    Args:
        kinds (dict[str, Kind]): The kinds of findings that it yields.

    Returns:
        Callable: Registers the check, and returns it unchanged.
    """

    def register(check: Check) -> Check:
        KINDS.update(kinds)
        CHECKS.append(check)
        return check

    return register


class Finding(NamedTuple):
    """All cases of one kind in one place.

    Args:
        kind (str): A key of ``KINDS``.
        where (str): The COCO file, the folder or the part of the config.
        examples (list[str]): One per case.
    """
    kind: str
    where: str
    examples: List[str]


class Findings:
    """Collects findings, in an order that does not depend on chance."""

    def __init__(self) -> None:
        # A dict in place of an ordered set: equal cases count once.
        self._cases: Dict[Tuple[str, str], Dict[str, None]] = {}

    def add(self, kind: str, where: str, example: str) -> None:
        """Add a case.

        Args:
            kind (str): A key of ``KINDS``.
            where (str): The COCO file, the folder or the part of the config.
            example (str): What is affected.
        """
        self._cases.setdefault((kind, where), {})[example] = None

    def __iter__(self) -> Iterator[Finding]:
        """Findings, errors first, then in the order of ``KINDS``."""
        order = {kind: i for i, kind in enumerate(KINDS)}

        def rank(key: Tuple[str, str]) -> tuple:
            kind, where = key
            severity = SEVERITIES.index(KINDS[kind].severity)
            return severity, order[kind], where

        for kind, where in sorted(self._cases, key=rank):
            yield Finding(kind, where, list(self._cases[kind, where]))

    def counts(self) -> Dict[str, int]:
        """Number of cases by severity."""
        counts: Counter = Counter()
        for finding in self:
            counts[KINDS[finding.kind].severity] += len(finding.examples)
        return {severity: counts[severity] for severity in SEVERITIES}

    def table(self, num_examples: int = 3) -> str:
        """Format the findings as text.

        Args:
            num_examples (int): Cases to show of each. Defaults to 3.

        Returns:
            str: A block of lines for each finding, then the counts.
        """
        blocks = []
        for finding in self:
            kind = KINDS[finding.kind]
            blocks.append(
                f'{kind.severity:8}{finding.kind:19}{len(finding.examples):8}'
                f'  {finding.where}\n'
                f'        {kind.text}:\n'
                f'        {first_few(finding.examples, num_examples)}\n'
                f'        fix: {kind.remedy}')
        counts = [
            f'{number} {severity}{"" if number == 1 else "s"}'
            for severity, number in self.counts().items()
        ]
        return '\n'.join([*blocks, ', '.join(counts)])

    def to_json(self, num_examples: Optional[int] = None) -> dict:
        """Convert the findings for a JSON file.

        Args:
            num_examples (int, optional): Cases to list of each. Defaults to
                all.

        Returns:
            dict: ``counts`` by severity, and ``findings``, each with
            ``severity``, ``kind``, ``where``, ``count``, ``text``,
            ``remedy`` and ``examples``.
        """
        findings = [
            dict(
                kind=finding.kind,
                where=finding.where,
                count=len(finding.examples),
                examples=finding.examples[:num_examples],
                **KINDS[finding.kind]._asdict()) for finding in self
        ]
        return dict(counts=self.counts(), findings=findings)
