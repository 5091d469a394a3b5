"""Dashboards and their panels as Grafana 9 and 10 want them in JSON. What is in them is in overview.py, service.py and daemon.py."""

from typing import Any, Dict, List, Optional, Tuple

Json = Dict[str, Any]

# What Grafana 9.2 writes; a newer one migrates it when it loads the file.
SCHEMA_VERSION = 37
COLUMNS = 24
DATASOURCE = {'type': 'prometheus', 'uid': '${datasource}'}

# uid and title of every dashboard; links carry the time range and the variables from one to the next.
BOARDS = {'pulsed-overview': 'pulsed: overview', 'pulsed-service': 'pulsed: one service', 'pulsed-daemon': 'pulsed: the daemon'}

# The variables that a link to the board of one service takes with it, beside the service.
TO_ONE_SERVICE = '?${datasource:queryparam}&${job:queryparam}&${instance:queryparam}'

# What the selectors of expressions are made of.
OF_DAEMON = 'job=~"$job",instance=~"$instance"'
OF_SERVICE = OF_DAEMON + ',service=~"$service"'
OF_CLASS = OF_SERVICE + ',class=~"$class"'
# On the board of one service its name is exact: Grafana escapes what would be a regular expression only where one may choose many.
OF_ONE_SERVICE = OF_DAEMON + ',service="$service"'
OF_ITS_CLASS = OF_ONE_SERVICE + ',class=~"$class"'

GREEN, YELLOW, ORANGE, RED = 'green', 'yellow', 'orange', 'red'
Steps = List[Tuple[Optional[float], str]]
PLAIN: Steps = [(None, GREEN)]
NO_IS_BAD: Steps = [(None, ORANGE), (1, GREEN)]
SOME_IS_ODD: Steps = [(None, GREEN), (1, YELLOW)]

TIER_NAMES = [{'type': 'value', 'options': {str(i): {'text': name, 'color': color, 'index': i} for i, (name, color) in enumerate(
    [('monitor', GREEN), ('warn', YELLOW), ('yield', ORANGE), ('isolate', RED)])}}]
YES_NO = [{'type': 'value', 'options': {'0': {'text': 'no', 'index': 0}, '1': {'text': 'yes', 'index': 1}}}]

Target = Tuple[str, str]  # expression, legend


def _thresholds(steps: Steps) -> Json:
    return {'mode': 'absolute', 'steps': [{'value': value, 'color': color} for value, color in steps]}


def _targets(targets: List[Target], **more: Any) -> List[Json]:
    return [{'refId': chr(ord('A') + i), 'datasource': DATASOURCE, 'expr': expr, 'legendFormat': legend, **more}
            for i, (expr, legend) in enumerate(targets)]


def _panel(kind: str, title: str, description: str, targets: List[Json], defaults: Json, options: Json, size: Tuple[int, int]) -> Json:
    return {'type': kind, 'title': title, 'description': description, 'datasource': DATASOURCE, 'targets': targets,
            'fieldConfig': {'defaults': defaults, 'overrides': []}, 'options': options, 'gridPos': {'w': size[0], 'h': size[1]}}


def lines(title: str, description: str, *targets: Target, unit: str, width: int = 8, stacked: bool = False,
          limit: Optional[float] = None, most: Optional[float] = None, log: bool = False) -> Json:
    """Curves over time. `limit` draws a line where things begin to be bad; `most` is the top of the axis."""
    custom: Json = {'drawStyle': 'line', 'lineWidth': 1, 'fillOpacity': 30 if stacked else 5, 'showPoints': 'never', 'spanNulls': False,
                    'stacking': {'mode': 'normal' if stacked else 'none', 'group': 'A'},
                    'scaleDistribution': {'type': 'log', 'log': 10} if log else {'type': 'linear'},
                    'thresholdsStyle': {'mode': 'off' if limit is None else 'dashed'}}
    defaults: Json = {'unit': unit, 'color': {'mode': 'palette-classic'}, 'custom': custom,
                      'thresholds': _thresholds(PLAIN if limit is None else [(None, GREEN), (limit, RED)])}
    if not log:
        defaults['min'] = 0
    if most is not None:
        defaults['max'] = most
    options = {'legend': {'displayMode': 'table', 'placement': 'bottom', 'showLegend': True, 'calcs': ['mean', 'max', 'lastNotNull']},
               'tooltip': {'mode': 'multi', 'sort': 'desc'}}
    return _panel('timeseries', title, description, _targets(list(targets), range=True), defaults, options, (width, 8))


def number(title: str, description: str, *targets: Target, unit: str = 'none', width: int = 4, steps: Steps = PLAIN,
           mappings: Optional[List[Json]] = None, names: bool = False) -> Json:
    """What is so now, as a figure; with `names`, the legend's text."""
    defaults = {'unit': unit, 'color': {'mode': 'thresholds'}, 'thresholds': _thresholds(steps), 'mappings': mappings or []}
    options = {'reduceOptions': {'calcs': ['lastNotNull'], 'fields': '', 'values': False}, 'colorMode': 'value', 'graphMode': 'none',
               'justifyMode': 'auto', 'orientation': 'auto', 'textMode': 'name' if names else 'auto'}
    return _panel('stat', title, description, _targets(list(targets), range=True), defaults, options, (width, 4))


def bars(title: str, description: str, target: Target, *, unit: str = 'none', width: int = 8) -> Json:
    """What is so now, a bar for each series; asked for once, not over the range."""
    defaults = {'unit': unit, 'color': {'mode': 'thresholds'}, 'thresholds': _thresholds(PLAIN), 'min': 0}
    options = {'reduceOptions': {'calcs': ['lastNotNull'], 'fields': '', 'values': False}, 'displayMode': 'basic',
               'orientation': 'horizontal', 'showUnfilled': True, 'minVizWidth': 0, 'minVizHeight': 10}
    return _panel('bargauge', title, description, _targets([target], range=False, instant=True), defaults, options, (width, 8))


def states(title: str, description: str, *targets: Target, width: int = 12, steps: Steps = PLAIN,
           mappings: Optional[List[Json]] = None) -> Json:
    """One band a series, whose colour is its value."""
    defaults = {'unit': 'none', 'color': {'mode': 'thresholds'}, 'thresholds': _thresholds(steps), 'mappings': mappings or [],
                'custom': {'lineWidth': 0, 'fillOpacity': 80}}
    options = {'showValue': 'never', 'mergeValues': True, 'rowHeight': 0.9, 'legend': {'displayMode': 'list', 'placement': 'bottom',
                                                                                     'showLegend': True},
               'tooltip': {'mode': 'single', 'sort': 'none'}}
    return _panel('state-timeline', title, description, _targets(list(targets), range=True), defaults, options, (width, 8))


def heatmap(title: str, description: str, expr: str, unit: str, width: int = 12) -> Json:
    """Of a histogram's buckets."""
    defaults = {'custom': {'scaleDistribution': {'type': 'linear'}}}
    options = {'calculate': False, 'yAxis': {'unit': unit, 'axisPlacement': 'left', 'reverse': False}, 'cellGap': 1,
               'rowsFrame': {'layout': 'auto'}, 'color': {'mode': 'scheme', 'scheme': 'Oranges', 'steps': 64, 'scale': 'exponential',
                                                          'exponent': 0.5, 'fill': 'dark-orange', 'reverse': False},
               'legend': {'show': True}, 'tooltip': {'show': True, 'yHistogram': False}, 'filterValues': {'le': 1e-9}}
    return _panel('heatmap', title, description, _targets([(expr, '{{le}}')], range=True, format='heatmap'), defaults, options, (width, 8))


def table(title: str, description: str, columns: List[Tuple[str, str, str]], labels: List[str], width: int = 24,
          mappings: Optional[Dict[str, List[Json]]] = None, link_field: Optional[str] = None, link: Optional[Json] = None) -> Json:
    """A row for each set of `labels`; columns are expression, title, unit, all grouped by those labels; `mappings` by title."""
    targets = _targets([(expr, name) for expr, name, _ in columns], range=False, instant=True, format='table')
    panel = _panel('table', title, description, targets, {'unit': 'none', 'custom': {'filterable': True}},
                   {'showHeader': True, 'cellHeight': 'sm', 'sortBy': [{'displayName': columns[0][1], 'desc': True}]}, (width, 9))
    refs = {f'Value #{target["refId"]}': name for target, (_, name, _) in zip(targets, columns)}
    order = {name: i for i, name in enumerate([*labels, *refs])}
    panel['transformations'] = [{'id': 'merge', 'options': {}}, {'id': 'organize', 'options': {
        'excludeByName': {'Time': True}, 'indexByName': order, 'renameByName': refs}}]
    panel['fieldConfig']['overrides'] = [
        {'matcher': {'id': 'byName', 'options': name}, 'properties': [{'id': 'unit', 'value': unit}]} for _, name, unit in columns]
    for name, value in (mappings or {}).items():
        panel['fieldConfig']['overrides'][list(refs.values()).index(name)]['properties'].append({'id': 'mappings', 'value': value})
    if link_field and link:
        panel['fieldConfig']['overrides'].append(
            {'matcher': {'id': 'byName', 'options': link_field}, 'properties': [{'id': 'links', 'value': [link]}]})
    return panel


def query_variable(name: str, label: str, query: str, multi: bool = True, all_value: Optional[str] = None) -> Json:
    everything = {'selected': True, 'text': ['All'], 'value': ['$__all']}
    return {'name': name, 'label': label, 'type': 'query', 'datasource': DATASOURCE, 'definition': query,
            'query': {'query': query, 'refId': 'StandardVariableQuery'}, 'refresh': 2, 'sort': 1, 'regex': '', 'hide': 0,
            'multi': multi, 'includeAll': multi, 'allValue': all_value, 'skipUrlSync': False, 'options': [],
            'current': everything if multi else {}}


def _datasource_variable() -> Json:
    return {'name': 'datasource', 'label': 'Data source', 'type': 'datasource', 'query': 'prometheus', 'refresh': 1, 'regex': '', 'hide': 0,
            'multi': False, 'includeAll': False, 'skipUrlSync': False, 'options': [], 'current': {}}


def variables(*, one_service: bool, classes: bool) -> List[Json]:
    chosen = [
        _datasource_variable(),
        query_variable('job', 'Job', 'label_values(pulsed_build_info, job)'),
        query_variable('instance', 'Instance', 'label_values(pulsed_build_info{job=~"$job"}, instance)'),
        query_variable('service', 'Service', f'label_values(pulsed_service_processes{{{OF_DAEMON}}}, service)', multi=not one_service)]
    if classes:
        # Everything is .* here: the unnamed class has the label class="", which no list of names would match.
        of_service = OF_ONE_SERVICE if one_service else OF_SERVICE
        chosen.append(query_variable('class', 'Class', f'label_values(pulsed_polls_total{{{of_service}}}, class)', all_value='.*'))
    return chosen


def _policy_revisions() -> Json:
    policy = f'pulsed_policy_info{{{OF_DAEMON}}}'
    return {'name': 'Policy revisions', 'datasource': DATASOURCE, 'enable': True, 'hide': False, 'iconColor': 'purple',
            'expr': f'{policy} unless {policy} offset 1m', 'step': '30s', 'tagKeys': 'instance,revision',
            'titleFormat': 'policy revision {{revision}}', 'textFormat': '{{instance}}: {{enforcement}}, at most '
                                                                         '{{enforcement_limit}}',
            'useValueForTime': False}


def _built_in_annotations() -> Json:
    return {'name': 'Annotations & Alerts', 'builtIn': 1, 'datasource': {'type': 'grafana', 'uid': '-- Grafana --'}, 'enable': True,
            'hide': True, 'iconColor': 'rgba(0, 211, 255, 1)', 'type': 'dashboard'}


def _link(other: str) -> Json:
    # All services, which one chooses elsewhere, is no service for the board of one: there it begins with its first.
    to_one = other == 'pulsed-service'
    return {'type': 'link', 'title': BOARDS[other], 'url': f'/d/{other}{TO_ONE_SERVICE if to_one else ""}', 'icon': 'dashboard',
            'tooltip': '', 'keepTime': True, 'includeVars': not to_one, 'targetBlank': False, 'asDropdown': False, 'tags': []}


def _placed(rows: List[Tuple[str, List[Json]]]) -> List[Json]:
    """Left to right, a new line where the next one does not fit; numbered in this order."""
    panels: List[Json] = []
    y = 0
    for title, of_row in rows:
        panels.append({'type': 'row', 'title': title, 'collapsed': False, 'panels': [], 'gridPos': {'x': 0, 'y': y, 'w': COLUMNS, 'h': 1}})
        x, y, height = 0, y + 1, 0
        for panel in of_row:
            size = panel['gridPos']
            if x + size['w'] > COLUMNS:
                x, y, height = 0, y + height, 0
            panel['gridPos'] = {'x': x, 'y': y, **size}
            x, height = x + size['w'], max(height, size['h'])
            panels.append(panel)
        y += height
    for number_, panel in enumerate(panels, 1):
        panel['id'] = number_
    return panels


def dashboard(uid: str, description: str, chosen: List[Json], rows: List[Tuple[str, List[Json]]]) -> Json:
    return {'uid': uid, 'title': BOARDS[uid], 'description': description, 'tags': ['pulsed'], 'schemaVersion': SCHEMA_VERSION,
            'version': 1, 'editable': True, 'graphTooltip': 1, 'time': {'from': 'now-1h', 'to': 'now'}, 'refresh': '30s', 'timezone': '',
            'links': [_link(other) for other in BOARDS if other != uid], 'annotations': {'list': [_built_in_annotations(), _policy_revisions()]},
            'templating': {'list': chosen}, 'panels': _placed(rows)}
