// Long polls in words: what the timeline draws, for those who do not see it, and for those who copy numbers.
import {fillChildren, found, madeRow, setText} from './element';
import {showsClass, type Filter} from './filter';
import type {Bar, Lane, LongPolls} from './long_polls';
import {className} from './moment';
import {clock, duration} from './quantity';
import {fillTier} from './tier_badge';

const MOST = 50;

export function showLongPolls(polls: LongPolls, filter: Filter, from: number): void {
  const bars: [Lane, Bar][] = [];
  for (const lane of polls.lanes.values()) {
    for (const bar of lane.bars.slice(-MOST)) {
      if (bar.end >= from && showsClass(filter, lane.service, bar.class)) bars.push([lane, bar]);
    }
  }
  bars.sort((a, b) => b[1].start - a[1].start);
  fillChildren(found('#long-polls tbody'), bars.slice(0, MOST), () => madeRow(6), fillRow);
}

function fillRow(row: HTMLTableRowElement, [lane, bar]: [Lane, Bar]): void {
  const [began, worker, name, lasted, tier, blame] = row.cells;
  setText(began!, clock(bar.start));
  setText(worker!, `${lane.service} ${lane.name || lane.line}`);
  setText(name!, className(bar.class));
  lasted!.className = 'number';
  setText(lasted!, duration(bar.end - bar.start) + (bar.open ? ' and counting' : bar.uncertain ? ', about' : ''));
  fillTier(tier!, bar.tier, bar.demoted ? ', demoted' : '');
  setText(blame!, bar.blame);
}
