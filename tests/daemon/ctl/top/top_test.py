"""`pulsectl top` through a pseudo-terminal, against a daemon that says what each test wants."""

import re
import time
import unittest

from fake_api import monitor
from terminal import BACKSPACE, CTRL_Z, DOWN, ENTER, ESC, LEFT, PATIENCE_S
from top_case import PULSECTL, TopCase, check_left_as_it_was


class WhatIsSeen(TopCase):
    def setUp(self):
        super().setUp()
        self.serve()

    def test_the_header_tells_the_daemon_and_the_services_come_with_their_rates(self):
        terminal = self.top()
        terminal.wait_for(r'pulsed 9\.8\.7.*enforce.*revision 12')
        terminal.wait_for('services 2  workers 3  tasks 40')
        terminal.wait_for(lambda: re.search(r'shop .* ([89]\d\.\d|1\d\d) .* 1\.\dk ', terminal.row('^shop')))
        terminal.wait_for('^shop .* 500ms')
        self.assertTrue(terminal.in_alternate_screen())

    def test_enter_goes_to_the_classes_and_their_workers_and_backspace_and_left_go_back(self):
        terminal = self.top()
        terminal.wait_for('^shop.* 9\\d')
        terminal.press(ENTER)
        terminal.wait_for('^classes of shop  3 ')
        terminal.wait_for(r'^/export +I .* 500ms')
        terminal.wait_for(lambda: not terminal.row('send'))
        terminal.press(ENTER)
        terminal.wait_for('^workers that poll /export of shop  1 ')
        terminal.wait_for(r'^ *4242 .*shop-worker +/export +I +500ms +480ms burning +over')
        terminal.press(BACKSPACE)
        terminal.wait_for('^classes of shop')
        terminal.press(LEFT)
        terminal.wait_for('^services  2 ')

    def test_1_2_and_3_switch_to_all_there_are(self):
        terminal = self.top()
        terminal.press('2')
        terminal.wait_for('^classes  4 ')
        terminal.press('3')
        terminal.wait_for('^workers  3 ')
        terminal.wait_for('mailer +parked')
        terminal.press('1')
        terminal.wait_for('^services  2 ')

    def order(self, terminal):
        lines = terminal.text().splitlines()
        first = next(i for i, line in enumerate(lines) if line.startswith('SERVICE')) + 1
        return [line.split()[1] for line in lines[first:first + 4] if line]

    def test_keys_sort_and_r_reverses_and_the_column_is_marked(self):
        terminal = self.top()
        terminal.press('2')
        terminal.wait_for(lambda: self.order(terminal) == ['/export', 'send', '/lookup', '(no'])
        terminal.wait_for('▾CPU%')
        terminal.press('P')
        terminal.wait_for(lambda: self.order(terminal) == ['/lookup', '/export', 'send', '(no'])
        terminal.wait_for('▾POLL/s')
        terminal.press('r')
        terminal.wait_for(lambda: self.order(terminal) == ['(no', 'send', '/export', '/lookup'])
        terminal.wait_for('▴POLL/s')
        terminal.press('N')
        terminal.wait_for(lambda: self.order(terminal) == ['send', '(no', '/export', '/lookup'])
        terminal.press('A')
        terminal.wait_for(lambda: self.order(terminal)[0] == '/export')

    def test_the_filter_takes_effect_with_each_key_and_escape_clears_it(self):
        terminal = self.top()
        terminal.press('2')
        terminal.wait_for('^classes  4 ')
        terminal.press('/lo')
        terminal.wait_for('^classes  1 of 4 .*filter: lo')
        terminal.wait_for('/lookup')
        terminal.press('x')
        terminal.wait_for('nothing passes the filter')
        terminal.press(BACKSPACE + BACKSPACE + BACKSPACE + '/*p*' + ENTER)
        terminal.wait_for('^classes  2 of 4 .*filter: /\\*p\\*')
        terminal.press(ESC)
        terminal.wait_for('^classes  4 ')

    def test_what_would_have_been_done_in_shadow_has_a_tilde(self):
        terminal = self.top()
        terminal.press('2')
        terminal.wait_for(lambda: re.search(r'send +Y .*~[5-7](\.\d)? .*[23]\d\.\d', terminal.row('send')))
        self.assertNotIn('~', terminal.row('/export'))
        terminal.press('t')
        terminal.wait_for('totals since pulsed started')

    def test_pause_freezes_what_is_shown_while_keys_go_on(self):
        terminal = self.top()
        terminal.wait_for('^shop.* 9\\d')
        terminal.press(' ')
        terminal.wait_for('PAUSED')
        self.world.services.append(monitor.ServiceInfo(service='late', pid=1))
        calls = self.calls_begun()
        terminal.wait_for(lambda: self.calls_begun() > calls + 3)
        self.assertEqual(terminal.row('^late'), '')
        terminal.press('2')
        terminal.wait_for('^classes  4 ')
        terminal.press('1 ')
        terminal.wait_for('^late')

    def test_the_interval_changes_with_plus_and_minus(self):
        terminal = self.top()
        terminal.wait_for('every 200ms')
        terminal.press('++')
        terminal.wait_for('every 1.0s')
        terminal.press('-')
        terminal.wait_for('every 500ms')

    def test_help_is_shown_and_any_key_goes_back(self):
        terminal = self.top()
        terminal.press('?')
        terminal.wait_for('sort by polls/s, CPU, violations/s, age, name')
        self.assertLessEqual(max(len(line) for line in terminal.text().splitlines()), 80)
        terminal.press('x')
        terminal.wait_for('^services  2 ')

    def test_the_selection_stays_on_its_row_when_the_order_changes(self):
        terminal = self.top()
        terminal.press('2')
        terminal.wait_for(lambda: self.order(terminal)[0] == '/export')
        terminal.press(DOWN)
        terminal.wait_for('^send  yield ')
        terminal.press('r')
        terminal.wait_for(lambda: self.order(terminal)[0] == '(no')
        terminal.wait_for('^send  yield ')

    def test_tiers_have_colours_and_no_color_takes_them_away(self):
        colored = self.top('--view', 'classes')
        colored.wait_for(lambda: re.search(r'send +Y ', colored.row('send')))
        self.assertEqual(colored.color_of('Y '), 'magenta')
        self.assertEqual(colored.color_of('connected'), 'green')
        colored.press('q')
        colored.wait_for_exit()
        plain = self.top('--view', 'classes', NO_COLOR='1')
        plain.wait_for(lambda: re.search(r'send +Y ', plain.row('send')))
        colors = {cell.fg for line in plain.display.buffer.values() for cell in line.values()}
        self.assertEqual(colors, {'default'})
        self.assertRegex(plain.row('/export'), '/export +I ')

    def test_text_is_ascii_where_the_locale_is(self):
        terminal = self.top(LC_ALL='C')
        terminal.wait_for('vCPU%')
        self.assertTrue(terminal.text().isascii())


class WhatItSurvives(TopCase):
    def test_sizes_from_large_to_too_small_and_back(self):
        self.serve()
        terminal = self.top()
        terminal.press('2')
        for columns, lines in ((200, 50), (80, 24), (40, 10), (120, 12)):
            terminal.resize(columns, lines)
            terminal.wait_for(lambda: terminal.row('h help') == terminal.display.display[lines - 1].rstrip() != '')
            terminal.wait_for('^classes  4')
            terminal.wait_for('/export')
        terminal.resize(39, 24)
        terminal.wait_for('terminal too small: 39x24')
        terminal.resize(80, 9)
        terminal.wait_for('terminal too small: 80x9')
        terminal.resize(1, 1)
        terminal.resize(80, 24)
        terminal.wait_for('^classes  4')

    def test_no_daemon_then_one_then_none_then_another_that_counts_from_zero(self):
        terminal = self.terminal()
        terminal.start([PULSECTL, 'top', '--run-dir', self.run_dir, '-d', '0.2'])
        terminal.wait_for('not connected: .*trying again')
        self.serve()
        terminal.wait_for('^shop.* 9\\d')
        self.stop_serving()
        terminal.wait_for('not connected: .*trying again.*')
        terminal.wait_for(r'trying again \([\d.]+m?s old\)')
        self.assertIn('shop', terminal.text())
        self.world.begun = time.monotonic()
        self.world.started_at += 100
        self.serve()
        seen = set()
        terminal.wait_for(lambda: seen.add(terminal.row('^shop')) or (
            'not connected' not in terminal.text() and re.search('^shop.* 9\\d', terminal.row('^shop'))))
        self.assertFalse([row for row in seen if re.search(r' -\d', row)])

    def test_keys_answer_at_once_while_the_daemon_is_slow(self):
        self.serve()
        terminal = self.top()
        terminal.wait_for('^shop')
        self.world.delay_s = PATIENCE_S
        deadline = time.monotonic() + PATIENCE_S
        while not self.answers_within_one_call(terminal):
            self.assertLess(time.monotonic(), deadline)
        terminal.wait_for('not connected: .*no answer within 2s')
        terminal.press('q')
        self.assertEqual(terminal.wait_for_exit(), 0)
        check_left_as_it_was(self, terminal)

    def answers_within_one_call(self, terminal):
        """Whether keys are answered before the call to the daemon is that is under way when they are pressed."""
        terminal.wait_for(lambda: self.calls_ended() < self.calls_begun())
        call = self.calls_begun()
        terminal.press('2')
        terminal.wait_for('^classes  4 ')
        terminal.press('1')
        terminal.wait_for('^services  2 ')
        return self.calls_ended() < call == self.calls_begun()

    def test_a_stop_gives_the_terminal_back_and_fg_takes_it_again(self):
        self.serve()
        terminal = self.top()
        terminal.press(CTRL_Z)
        terminal.wait_for('Stopped')
        self.assertFalse(terminal.in_alternate_screen())
        settings = self.notes / 'stopped'
        terminal.press(f'stty -a > {settings}\r')
        terminal.wait_for(lambda: settings.exists() and settings.read_text())
        self.assertEqual(settings.read_text(), (self.notes / 'before').read_text())
        terminal.press('fg\r')
        terminal.wait_for('^services  2 ')
        self.assertTrue(terminal.in_alternate_screen())
        terminal.press('2')
        terminal.wait_for('^classes  4 ')

    def test_names_cannot_move_the_cursor(self):
        self.world.add_class('shop', 'a\u202eb\u200bc', polls=5000, cpu_time=3)
        self.serve()
        terminal = self.top('--view', 'classes')
        terminal.wait_for('a\\?b\\?c')


if __name__ == '__main__':
    unittest.main()
