"""Problems of data sets: kinds, the checks that find them, a table of them."""
from typing import Callable, Dict, Iterator, List, NamedTuple, Tuple

from mmboxcaseg.datasets.coco import first_few

SEVERITIES = ('error', 'warning', 'note')
ERROR, WARNING, NOTE = SEVERITIES


class Kind(NamedTuple):
    """A kind of finding.

    Args:
        severity (str): 'error': programs fail or train on wrong data;
            'warning': data are lost or probably wrong; 'note': harmless.
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
# All checks, and whether each looks at salient images, too.
CHECKS: Dict[Check, bool] = {}


def add_kinds(*kinds: Tuple[str, str, str, str]) -> None:
    """Define kinds: the name, severity, text and fix of each."""
    KINDS.update((name, Kind(*kind)) for name, *kind in kinds)


def data_check(*kinds: Tuple[str, str, str, str],
               salient: bool = False) -> Callable[[Check], Check]:
    """Register the decorated check of one data set.

    Args:
        kinds (tuple[str]): The kinds that it yields, see :func:`add_kinds`.
        salient (bool): Whether it also checks salient images. If False (the
            default), it runs only if the data set's COCO file could be read.

    Returns:
        Callable: The decorator.
    """
    add_kinds(*kinds)

    def register(check: Check) -> Check:
        CHECKS[check] = salient
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
    """Collects findings, in a reproducible order."""

    def __init__(self) -> None:
        # A dict in place of an ordered set: equal cases count once.
        self._cases: Dict[Tuple[str, str], Dict[str, None]] = {}

    def add(self, kind: str, where: str, example: str) -> None:
        """Add a case.

        Args:
            kind (str): A key of ``KINDS``.
            where (str): See :class:`Finding`.
            example (str): What is affected.
        """
        self._cases.setdefault((kind, where), {})[example] = None

    def __iter__(self) -> Iterator[Finding]:
        """Findings, errors first, then in the order of ``KINDS``."""
        # sorted() is stable: within a severity the order of definition stays.
        kinds = sorted(
            KINDS, key=lambda kind: SEVERITIES.index(KINDS[kind].severity))
        for kind, where in sorted(
                self._cases, key=lambda case: (kinds.index(case[0]), case[1])):
            yield Finding(kind, where, list(self._cases[kind, where]))

    def counts(self) -> Dict[str, int]:
        """Number of cases by severity."""
        counts = dict.fromkeys(SEVERITIES, 0)
        for kind, _, cases in self:
            counts[KINDS[kind].severity] += len(cases)
        return counts

    def table(self, num_examples: int = 3) -> str:
        """Format the findings as text.

        Args:
            num_examples (int): Examples per finding. Defaults to 3.

        Returns:
            str: A block of lines for each finding, then the counts.
        """
        blocks = []
        for name, where, cases in self:
            kind = KINDS[name]
            blocks.append(
                f'{kind.severity:8}{name:19}{len(cases):8}  {where}\n'
                f'        {kind.text}:\n'
                f'        {first_few(cases, num_examples)}\n'
                f'        fix: {kind.remedy}')
        counts = [
            f'{number} {severity}{"" if number == 1 else "s"}'
            for severity, number in self.counts().items()
        ]
        return '\n'.join([*blocks, ', '.join(counts)])

    def to_json(self) -> dict:
        """Convert the findings for a JSON file.

        Returns:
            dict: ``counts`` by severity, and ``findings`` with ``kind``,
            ``where``, ``count``, ``examples`` and the fields of :class:`Kind`.
        """
        findings = [
            dict(
                kind=kind,
                where=where,
                count=len(cases),
                examples=cases,
                **KINDS[kind]._asdict()) for kind, where, cases in self
        ]
        return dict(counts=self.counts(), findings=findings)
