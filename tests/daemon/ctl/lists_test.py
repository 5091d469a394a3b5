"""status, services, classes, tasks and workers, in every format."""

import re
import unittest

import yaml

from ctl_case import OK, USAGE, CtlCase, eventually

HEADERS = {
    'services': 'SERVICE PID UID AGE WORKERS SPARES TASKS ABOVE OVER_BUDGET LONGEST DEMOTED DROPPED ABI STATE',
    'classes': 'SERVICE CLASS ENFORCEMENT TIER TASKS POLLS CPU P50 P99 WAIT_P99 VIOLATIONS YIELDS ISOLATED DEMOTIONS '
               'WOULD_YIELD WOULD_ISOLATE WOULD_DEMOTE WOULD_WAKE WOULD_CPU',
    'tasks': 'SERVICE PID CLASS SLOT GENERATION TIER',
    'workers': 'SERVICE PID WORKER THREAD TID KIND IN_FLIGHT TIER AGE CPU BLAME NOTE',
}


class Lists(CtlCase):
    def setUp(self):
        super().setUp()
        self.start()

    def test_every_format_says_the_same(self):
        self.service('shop', 'checkout/pay')
        for command in ('status', *HEADERS):
            with self.subTest(command):
                as_json = self.json(command)
                as_yaml = yaml.safe_load(self.good(command, '-o', 'yaml'))
                self.assertEqual(as_json.keys(), as_yaml.keys())
                self.assertTrue(self.good(command, '-o', 'table'))

    def test_columns_have_stable_names(self):
        for command, header in HEADERS.items():
            with self.subTest(command):
                self.assertEqual(self.good(command).splitlines()[0].split(), header.split())

    def test_status_tells_of_the_daemon(self):
        status = self.json('status')
        self.assertEqual(status['run_dir'], str(self.run_dir))
        self.assertEqual(status['policy_revision'], '1')
        self.assertTrue(status['ready'])
        text = self.good('status')
        self.assertIn('revision 1, shadow, balanced', text)
        self.assertIn(str(self.run_dir), text)

    def test_services_and_workers_are_those_that_attached(self):
        shop = self.service('shop', 'checkout/pay')
        self.service('mail', 'send')
        services = self.json('services')['services']
        self.assertEqual([each['service'] for each in services], ['mail', 'shop'])
        self.assertEqual(services[1]['pid'], shop.process.pid)
        workers = self.json('workers', '--service', 'sh*')['workers']
        self.assertEqual({each['service'] for each in workers}, {'shop'})
        self.assertEqual({each['worker'] for each in workers}, {0, 1})

    def test_filters_are_globs(self):
        self.service('shop', 'checkout/pay', 'report/daily')
        self.service('mail', 'send')
        names = lambda *filters: {each['class'] for each in self.json('classes', *filters)['classes']}
        self.assertTrue({'checkout/pay', 'report/daily', 'send'} <= names())
        self.assertEqual(names('--service', 'shop', '--class', 'report/*'), {'report/daily'})
        self.assertEqual(names('--class', 'sen?'), {'send'})
        self.assertEqual(names('--service', 'nobody'), set())

    def test_a_class_over_its_budget_comes_first_and_shadow_says_what_it_would_do(self):
        self.service('shop', 'light')
        self.service('mail', 'hog', burn_us=8000)
        def hog_first():
            classes = self.json('classes')['classes']
            return classes[0]['class'] == 'hog' and int(classes[0]['would_be']['isolated_polls']) > 0 and classes[0]
        hog = eventually(hog_first, 'the hog is judged')
        self.assertEqual(hog['enforcement'], 'ENFORCEMENT_SHADOW')
        self.assertEqual(hog['isolated_polls'], '0')
        self.assertNotEqual(hog['would_be']['cpu_time'], '0s')
        task = self.json('tasks')['tasks'][0]
        self.assertEqual((task['service'], task['class']), ('mail', 'hog'))
        self.assertIn('mail', self.good('tasks', '--class', 'hog'))
        self.assertEqual(self.json('tasks', '--class', 'light')['tasks'], [])

    def test_no_colour_where_it_is_not_wanted(self):
        self.service('shop', 'checkout/pay')
        for command in ('status', *HEADERS, 'check', 'events'):
            with self.subTest(command):
                self.assertNotIn('\x1b', self.good(command))
        self.assertIn('\x1b[', self.good('services', '--color', 'always'))
        self.assertNotIn('\x1b', self.good('services', '--color', 'never'))

    def test_options_may_stand_before_and_behind_the_command(self):
        self.assertEqual(self.good('-o', 'json', 'services'), self.good('services', '-o', 'json'))
        self.assertEqual(self.ctl('services', '--output=json').returncode, OK)

    def test_what_makes_no_sense_is_told_with_what_was_meant(self):
        self.assertIn('did you mean `services`?', self.refused(USAGE, 'servics'))
        self.assertIn('did you mean `--service`?', self.refused(USAGE, 'classes', '--servce', 'x'))
        self.assertIn('--output', self.refused(USAGE, 'classes', '-o', 'xml'))
        self.assertIn('--limit', self.refused(USAGE, 'tasks', '--limit', '0'))
        self.assertIn('unexpected argument `more`', self.refused(USAGE, 'status', 'more'))
        self.assertIn('a command is needed', self.refused(USAGE))

    def test_the_version_has_a_revision(self):
        self.assertRegex(self.good('--version'), re.compile(r'^pulsectl \d+\.\d+\.\d+ \([0-9a-f]+(-dirty)?\)$|\(unknown\)$', re.M))


if __name__ == '__main__':
    unittest.main()
