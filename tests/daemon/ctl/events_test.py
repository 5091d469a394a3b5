"""events: what is kept, what follows, over restarts of pulsed."""

import json
import signal
import subprocess
import unittest

import yaml

from ctl_case import FAILED, INTERRUPTED, OK, PATIENCE_S, CtlCase, environment, eventually


class Events(CtlCase):
    def setUp(self):
        super().setUp()
        self.start()

    def kept(self, *arguments):
        return [json.loads(line) for line in self.good('events', '-o', 'json', *arguments).splitlines()]

    def test_kept_events_come_oldest_first_from_the_very_first_on(self):
        self.good('enforcement', 'enforce')
        self.good('enforcement', 'observe')
        self.good('pin', '--service', 'shop', '--class', 'pay', 'yield')
        eventually(lambda: len(self.kept()) == 3, 'three events')
        events = self.kept()
        self.assertEqual([event['sequence'] for event in events], ['1', '2', '3'])
        self.assertEqual(events[0]['policy_changed']['revision'], '2')
        self.assertEqual(events[2]['pin_changed'], {'class': 'pay', 'tier': 'TIER_YIELD'})
        lines = self.good('events').splitlines()
        self.assertEqual(len(lines), 3)
        self.assertIn('policy revision 2 in force, enforce', lines[0])
        self.assertIn('pay: pinned to yield', lines[2])
        documents = list(yaml.safe_load_all(self.good('events', '-o', 'yaml')))
        self.assertEqual([each['sequence'] for each in documents], ['1', '2', '3'])

    def test_last_and_resume_after_take_a_part(self):
        for level in ('enforce', 'observe', 'shadow'):
            self.good('enforcement', level)
        eventually(lambda: len(self.kept()) == 3, 'three events')
        self.assertEqual([each['sequence'] for each in self.kept('--last', '1')], ['3'])
        self.assertEqual(self.kept('--last', '0'), [])
        self.assertEqual([each['sequence'] for each in self.kept('--resume-after', '1')], ['2', '3'])
        self.assertEqual(self.kept('--resume-after', '3'), [])
        self.assertIn('there is no such event', self.refused(FAILED, 'events', '--resume-after', '99'))
        self.assertIn('epoch', self.refused(FAILED, 'events', '--resume-after', '1', '--epoch', '12'))

    def test_a_filter_chooses_services_and_classes(self):
        self.good('enforcement', 'observe')
        self.good('pin', '--service', 'shop', '--class', 'pay', 'warn')
        self.good('pin', '--service', 'mail', '--class', 'send', 'warn')
        eventually(lambda: len(self.kept()) == 3, 'three events')
        classes = lambda *filters: [each['pin_changed']['class'] for each in self.kept(*filters)]
        self.assertEqual(classes('--service', 'sh*'), ['pay'])
        self.assertEqual(classes('--class', 's*'), ['send'])
        self.assertEqual(classes('--class', '*'), ['pay', 'send'])

    def test_follow_prints_what_is_kept_and_what_comes_and_ends_with_sigint(self):
        self.good('enforcement', 'observe')
        for how in (signal.SIGINT, signal.SIGTERM):
            follow = self.following('events', '--follow')
            follow.says('observe')
            self.service(f'shop{int(how)}')
            follow.says(f'shop{int(how)}[')
            self.assertEqual(follow.interrupt(how), INTERRUPTED)
            self.assertEqual(follow.err, '')

    def test_follow_goes_on_over_a_restart_and_says_so(self):
        follow = self.following('events', '-f', '-o', 'json', '--service', 'shop')
        self.good('pin', '--service', 'shop', 'warn')
        follow.says('TIER_WARN')
        self.stop()
        follow.says('pulsed is gone', 'err')
        self.start()
        follow.says('pulsed is back', 'err')
        follow.says('started anew', 'err')
        self.good('pin', '--service', 'mail', 'yield')
        self.good('pin', '--service', 'shop', 'isolate')
        follow.says('TIER_ISOLATE')
        self.assertEqual(follow.interrupt(), INTERRUPTED)
        events = [json.loads(line) for line in follow.out.splitlines()]
        self.assertEqual({each['service'] for each in events}, {'shop'})
        self.assertEqual(len({each['epoch'] for each in events}), 2)

    def test_what_a_daemon_says_before_follow_is_back_is_not_lost(self):
        follow = self.following('events', '-f', '--last', '0')
        # Until one of them came after it had begun.
        eventually(lambda: self.good('pin', '--service', 'shop', 'warn') and (follow.read() or 'pinned' in follow.out), 'a pin')
        self.stop()
        follow.says('pulsed is gone', 'err')
        self.start()
        self.good('enforcement', 'observe')
        self.good('enforcement', 'enforce')
        follow.says('enforce')
        follow.interrupt()
        self.assertEqual((follow.out.count('in force, observe'), follow.out.count('in force, enforce')), (1, 1))

    def test_a_reader_that_has_seen_enough_ends_it_without_a_word(self):
        self.good('enforcement', 'observe')
        follow = subprocess.Popen(self.command('events', '-f'), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, env=environment())
        self.addCleanup(self.kill, follow)
        self.assertIn('observe', follow.stdout.readline())
        follow.stdout.close()
        self.good('enforcement', 'enforce')
        self.assertEqual(follow.wait(PATIENCE_S), -signal.SIGPIPE)
        self.assertEqual(follow.stderr.read(), '')
        follow.stderr.close()


if __name__ == '__main__':
    unittest.main()
