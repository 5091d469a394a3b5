"""Every PromQL expression of the boards and the rules, and what a test needs to know about one."""

import json
import os
import re
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Set

import yaml

DASHBOARDS = Path(os.environ['PULSED_SOURCE_DIR']) / 'dashboards'
RULES = [DASHBOARDS / 'rules' / name for name in ('recording.yaml', 'alerts.yaml')]
BOARDS = sorted((DASHBOARDS / 'grafana').glob('*.json'))

# What the variables of the boards and Grafana itself stand for. Ranges fit a run of some seconds.
CHOSEN = {'job': 'pulsed', 'instance': '.*', 'service': 'pulsed-demo', 'class': '.*', '__rate_interval': '10s', '__interval': '1s',
          '__range': '10s'}
SHORT_WINDOW, SHORT_OFFSET = '10s', '3s'

LABEL_VALUES = re.compile(r'^label_values\((.+), (\w+)\)$')
COMPARISON = re.compile(r'^(.+) (?:==|!=|>=|<=|>|<) -?[0-9.]+$', re.DOTALL)
METRIC = re.compile(r'\b((?:\w+:)*(?:pulsed_|process_|scrape_)\w+(?::\w+)*|up)\b(?!\s*\()')
SELECTOR = re.compile(METRIC.pattern + r'\{([^}]*)\}')
GROUPING = re.compile(r'\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)')
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')


class Expression(NamedTuple):
    where: str   # "pulsed-overview: Queue wait, B"
    kind: str    # panel, annotation, variable, record, alert or runbook
    text: str
    legend: str = ''


def panels(board: Dict) -> Iterator[Dict]:
    for panel in board['panels']:
        yield panel
        yield from panel.get('panels', [])


def of_board(board: Dict) -> Iterator[Expression]:
    uid = board['uid']
    for panel in panels(board):
        for target in panel.get('targets', []):
            yield Expression(f'{uid}: {panel["title"]}, {target["refId"]}', 'panel', target['expr'], target.get('legendFormat', ''))
    for annotation in board['annotations']['list']:
        if 'expr' in annotation:
            yield Expression(f'{uid}: {annotation["name"]}', 'annotation', annotation['expr'],
                             annotation['titleFormat'] + annotation['textFormat'])
    for variable in board['templating']['list']:
        if variable['type'] == 'query':
            yield Expression(f'{uid}: ${variable["name"]}', 'variable', variable['query']['query'])


def of_rules(path: Path) -> Iterator[Expression]:
    for group in yaml.safe_load(path.read_text())['groups']:
        for rule in group['rules']:
            kind = 'alert' if 'alert' in rule else 'record'
            yield Expression(f'{path.name}: {rule[kind]}', kind, rule['expr'])


def of_runbook() -> Iterator[Expression]:
    for section in re.split(r'(?m)^## ', (DASHBOARDS / 'runbook.md').read_text())[1:]:
        for text in re.findall(r'(?s)```promql\n(.*?)\n```', section):
            yield Expression(f'runbook.md: {section.splitlines()[0]}', 'runbook', text)


def boards() -> List[Dict]:
    return [json.loads(path.read_text()) for path in BOARDS]


def everything() -> List[Expression]:
    return [*(e for board in boards() for e in of_board(board)), *(e for path in RULES for e in of_rules(path)), *of_runbook()]


def shortened(text: str) -> str:
    """The windows of an expression or of a rules file, for runs of some seconds."""
    text = re.sub(r'\[\d+[smhd]\]', f'[{SHORT_WINDOW}]', text)
    return re.sub(r'\boffset \d+[smhd]\b', f'offset {SHORT_OFFSET}', text)


def chosen(text: str) -> str:
    """With every variable replaced; fails for one that nobody knows."""
    return shortened(re.sub(r'\$(\w+)', lambda match: CHOSEN[match.group(1)], text))


def always_there(expression: Expression) -> str:
    """What returns data whether an alert fires or not: the left side of its final comparison, or what is absent(). All else as it is."""
    if expression.kind != 'alert':
        return expression.text
    if expression.text.startswith('absent(') and expression.text.endswith(')'):
        return expression.text[len('absent('):-1]
    match = COMPARISON.match(expression.text)
    if not match:
        raise ValueError(f'{expression.where} is no comparison with a number at its end, and no absent(...)')
    return match.group(1)


def metrics(text: str) -> Set[str]:
    # Neither what stands in quotes nor the labels of groupings are metrics.
    bare = GROUPING.sub('', re.sub(r'"[^"]*"', '""', text))
    return {name for name in METRIC.findall(bare)}


def labels_of_selectors(text: str) -> List[tuple]:
    """(metric, label) for each matcher."""
    return [(metric, label) for metric, matchers in SELECTOR.findall(text) for label in MATCHER.findall(matchers)]


def labels_of_groupings(text: str) -> List[tuple]:
    """(label, the metrics of the expression it groups) for each label of by, on, and the like."""
    found = []
    for match in GROUPING.finditer(text):
        rest = text[match.end():].lstrip()
        # `on (...)` and group_left join both sides, an aggregation stands before its argument.
        among = metrics(_parenthesised(rest) if rest.startswith('(') else text)
        found += [(label.strip(), among) for label in match.group(1).split(',') if label.strip()]
    return found


def _parenthesised(text: str) -> str:
    depth = 0
    for i, c in enumerate(text):
        depth += {'(': 1, ')': -1}.get(c, 0)
        if depth == 0:
            return text[:i + 1]
    raise ValueError(f'no closing parenthesis: {text}')
