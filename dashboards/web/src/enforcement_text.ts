// What is done with verdicts, in words that hold: rules may say otherwise for some classes, of which the page knows only those
// that did something under the policy in force.
import {inForce, type Daemon, type Enforcement} from './moment';
import {count} from './quantity';

const MEANINGS: Record<Enforcement, string> = {observe: 'it only counts', shadow: 'it decides, and changes nothing', enforce: 'it acts'};

/** As in "but enforce for 2 classes"; empty where nothing is known to differ. */
export function exceptionsText(exceptions: ReadonlyMap<Enforcement, number>, someLeftOut: boolean): string {
  const parts = (['enforce', 'shadow', 'observe'] as const).filter((each) => exceptions.has(each)).map((each) =>
    `${each} for ${someLeftOut ? 'at least ' : ''}${count(exceptions.get(each)!, 'class', 'classes')}`);
  return parts.length > 0 ? `but ${parts.join(', ')}` : '';
}

export function inForceText(daemon: Pick<Daemon, 'enforcement' | 'limit'>, differs: boolean): string {
  const word = inForce(daemon);
  const limited = word === daemon.enforcement ? '' : `: the policy says ${daemon.enforcement}, the limit is ${daemon.limit}`;
  if (differs) return `elsewhere ${MEANINGS[word]}${limited}`;
  // Rules cannot go above the limit, and nothing is below observe.
  const sure = word === daemon.limit && word !== 'enforce';
  return MEANINGS[word] + (sure ? '' : ' where no rule says otherwise') + limited;
}
