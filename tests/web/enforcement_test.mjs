import assert from 'node:assert/strict';
import test from 'node:test';
import {Classes} from '../../dashboards/web/src/classes.ts';
import {exceptionsText, inForceText} from '../../dashboards/web/src/enforcement_text.ts';
import {History} from '../../dashboards/web/src/history.ts';
import {moment} from './moments.mjs';

const daemon = (enforcement, limit = 'enforce', revision = 1) => ({version: '1', enforcement, limit, revision});
const of = (...enforcements) => enforcements.map((enf, at) => ({s: 'shop', c: `c${at}`, enf, polls: 1}));

function exceptions(...moments) {
  const history = new History();
  const classes = new Classes();
  moments.forEach((each, at) => history.add(moment(at + 1, each)));
  classes.follow(history);
  return Object.fromEntries(classes.exceptions(history.last));
}

test('classes that rules except are counted, also while they do nothing', () => {
  assert.deepEqual(exceptions({d: daemon('shadow'), classes: of('enforce', 'shadow', 'enforce', 'observe')}, {d: daemon('shadow')}),
                   {enforce: 2, observe: 1});
  assert.deepEqual(exceptions({d: daemon('enforce'), classes: of('enforce', 'observe')}), {observe: 1});
  assert.deepEqual(exceptions({d: daemon('enforce', 'shadow'), classes: of('shadow', 'shadow')}), {});
});

test('what held under another policy or limit is no exception of this one', () => {
  const before = {d: daemon('enforce'), classes: of('enforce', 'observe')};
  assert.deepEqual(exceptions(before, {d: daemon('shadow', 'enforce', 2), classes: of('shadow')}), {});
  assert.deepEqual(exceptions(before, {d: daemon('enforce', 'shadow'), classes: of('shadow')}), {});
});

test('nothing is said to change nothing while a rule may say otherwise', () => {
  assert.equal(inForceText(daemon('shadow'), false), 'it decides, and changes nothing where no rule says otherwise');
  assert.equal(inForceText(daemon('shadow'), true), 'elsewhere it decides, and changes nothing');
  assert.equal(inForceText(daemon('enforce'), false), 'it acts where no rule says otherwise');
  assert.equal(inForceText(daemon('shadow', 'shadow'), false), 'it decides, and changes nothing');
  assert.equal(inForceText(daemon('enforce', 'observe'), false), 'it only counts: the policy says enforce, the limit is observe');
});

test('what differs is said with its number', () => {
  assert.equal(exceptionsText(new Map(), true), '');
  assert.equal(exceptionsText(new Map([['observe', 1], ['enforce', 2]]), false), 'but enforce for 2 classes, observe for 1 class');
  assert.equal(exceptionsText(new Map([['enforce', 2]]), true), 'but enforce for at least 2 classes');
});
