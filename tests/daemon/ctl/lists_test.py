"""status, services, classes, tasks and workers, in every format."""

import subprocess
import unittest

import yaml

from ctl_case import BIN, FAILED, OK, PATIENCE_S, USAGE, CtlCase, environment, eventually

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

    def test_a_number_is_whole_and_in_its_range(self):
        for command, text in ((['events', '--last', '-1'], '`-1` is not a whole number'),
                              (['events', '--resume-after', '1.5'], '`1.5` is not a whole number'),
                              (['events', '--resume-after', '1', '--epoch', '99999999999999999999'], 'is not a whole number'),
                              (['policy', 'get', '--revision', '0'], '`0` is not a whole number from 1 on'),
                              (['policy', 'rollback', 'x'], '`x` is not a whole number from 1 on'),
                              (['policy', 'explain', '--service', 's', '--uid', '-1'], 'from 0 to 4294967295'),
                              (['tasks', '--limit', '10001'], 'from 1 to 10000'),
                              (['top', '-n', 'x'], 'from 1 to')):
            with self.subTest(command):
                self.assertIn(text, self.refused(USAGE, *command))

    def test_what_is_missing_or_given_twice_is_told(self):
        self.assertIn('--output needs a value', self.refused(USAGE, 'status', '-o'))
        self.assertIn('--output is given more than once', self.refused(USAGE, 'status', '-o', 'json', '-o', 'yaml'))
        self.assertIn('a command is needed', self.refused(USAGE, 'policy'))

    def test_what_cannot_be_written_is_a_failure(self):
        for command in (['status'], ['services', '-o', 'json'], ['completion', 'bash'], ['--version'], ['top', '-n', '1', '-d', '0.1'],
                        ['policy', 'watch']):
            with self.subTest(command), open('/dev/full', 'w') as full:
                done = subprocess.run(self.command(*command), stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE,
                                      text=True, timeout=PATIENCE_S, env=environment())
                self.assertEqual(done.returncode, FAILED)
                self.assertTrue(done.stderr.startswith('pulsectl: stdout: '), done.stderr)

    def test_what_was_not_measured_is_no_number(self):
        self.service('shop', 'checkout/pay')
        header, *rows = self.good('classes').splitlines()
        waits = [row[:header.index('WAIT_P99') + len('WAIT_P99')].split()[-1] for row in rows]
        self.assertEqual(set(waits), {'-'}, 'its polls wait in no queue')

    def test_the_version_has_a_revision(self):
        said = self.good('--version')
        self.assertRegex(said, r'^pulsectl \d+\.\d+\.\d+ \(([0-9a-f]+(-dirty)?|unknown)\)\n$')
        of_daemon = subprocess.run([BIN / 'pulsed', '--version'], capture_output=True, text=True, timeout=PATIENCE_S).stdout
        self.assertEqual(of_daemon, said.replace('pulsectl', 'pulsed'))


if __name__ == '__main__':
    unittest.main()
