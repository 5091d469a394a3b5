"""pin, unpin, enforcement and check against a pulsed that runs."""

import unittest

import yaml

from ctl_case import FAILED, OK, USAGE, CtlCase, eventually


class Control(CtlCase):
    def setUp(self):
        super().setUp()
        self.start()

    def pinned(self, task_class):
        classes = self.json('classes', '--class', task_class)['classes']
        return classes and classes[0]['pinned']

    def test_a_pin_holds_a_class_until_it_is_unpinned(self):
        self.service('shop', 'checkout/pay')
        self.assertEqual(self.good('pin', '--service', 'shop', '--class', 'checkout/pay', 'isolate', '--comment', 'noisy'),
                         'shop, checkout/pay: pinned to isolate; pulsectl unpin ends it\n')
        eventually(lambda: self.pinned('checkout/pay') == 'TIER_ISOLATE', 'it is pinned')
        self.assertIn('isolate (pinned)', self.good('classes'))
        self.good('unpin', '--service', 'shop', '--class', 'checkout/pay')
        eventually(lambda: self.pinned('checkout/pay') == 'TIER_UNSPECIFIED', 'it is unpinned')
        self.refused(FAILED, 'unpin', '--service', 'shop', '--class', 'checkout/pay')

    def test_a_pin_may_end_by_itself(self):
        self.service('shop', 'checkout/pay')
        self.good('pin', '--service', 'shop', '--class', 'checkout/pay', 'warn', '--ttl', '1s')
        eventually(lambda: self.pinned('checkout/pay') == 'TIER_UNSPECIFIED', 'the pin has ended')

    def test_what_cannot_be_pinned_is_told(self):
        self.assertIn('--ttl', self.refused(USAGE, 'pin', '--service', 's', 'warn', '--ttl', '10 minutes'))
        self.assertIn('between 1s and 24h', self.refused(USAGE, 'pin', '--service', 's', 'warn', '--ttl', '500ms'))
        self.assertIn('tier', self.refused(USAGE, 'pin', '--service', 's', 'loud'))
        self.assertIn('--service', self.refused(USAGE, 'pin', 'warn'))

    def test_the_emergency_stop_is_a_revision_with_who_and_why(self):
        self.assertIn('revision 2 is in force', self.good('enforcement', 'observe', '--comment', 'stop it'))
        status = self.json('status')
        self.assertEqual((status['enforcement'], status['enforcement_limit']), ('ENFORCEMENT_OBSERVE',) * 2)
        self.assertIn('observe, limited to observe', self.good('status'))
        newest = self.json('policy', 'history')['revisions'][0]
        self.assertEqual((newest['comment'], newest['author']), ('stop it', {'uid': __import__('os').getuid()}))
        self.assertEqual(self.json('enforcement', 'enforce')['policy']['revision']['revision'], '3')
        self.assertEqual(self.json('status')['enforcement_limit'], 'ENFORCEMENT_ENFORCE')

    def test_check_finds_everything_in_place(self):
        checks = {each['check']: each for each in self.json('check')}
        for name in ('reading', 'changing', 'version', 'control loop', 'revisions', 'run directory', 'timestamps', 'open files',
                     'demotion', 'loop priority'):
            self.assertIn(name, checks)
        self.assertEqual(checks['changing']['verdict'], 'ok')
        self.assertEqual(checks['reading']['found'], str(self.run_dir / 'api.sock'))
        self.assertEqual(yaml.safe_load(self.good('check', '-o', 'yaml'))[0]['check'], 'reading')
        self.assertIn('0 failed', self.good('check'))
        self.assertEqual(self.json('policy', 'history')['revisions'][0]['revision'], '1', 'check changed the policy')

    def test_check_without_a_daemon_says_what_keeps_one_from_starting(self):
        self.stop()
        done = self.ctl('check')
        self.assertEqual(done.returncode, FAILED, done.stdout)
        self.assertIn('FAIL  reading', done.stdout)
        self.assertIn('start pulsed', done.stdout)
        self.assertIn('state directory', done.stdout)


if __name__ == '__main__':
    unittest.main()
