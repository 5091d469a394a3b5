// Moments as the daemon writes them, with what a test does not say filled in.
import {readMoment} from '../../dashboards/web/src/moment.ts';

export function said(fields = {}) {
  return {
    t: 1000,
    d: {version: '0.1.0', revision: 1, enforcement: 'enforce', limit: 'enforce', profile: 'balanced', started_at: 900, ready: true,
        high_priority: true, can_demote: true},
    ...fields,
  };
}

/** The n-th moment of an epoch, half a second after the one before it. */
export function moment(n, fields = {}, epoch = 'e') {
  return readMoment(`${epoch}-${n}`, JSON.stringify(said({t: 1000 + n / 2, ...fields})));
}
