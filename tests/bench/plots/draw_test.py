import unittest
from pathlib import Path

import draw


def series(*points, **others):
    return {'name': 'a-b', 'title': 'cost', 'size_unit': 'tasks', 'unit': 'ns',
            'points': [{'size': size, 'value': value, 'spread': spread} for size, value, spread in points], **others}


def lines(told: str, beginning: str):
    return [line for line in told.splitlines() if line.startswith(beginning)]


class Script(unittest.TestCase):
    def test_has_logarithmic_axes_with_units_and_the_sizes_as_ticks(self):
        told = draw.script(series((64, 20, 1), (1_000_000, 90, 4)), Path('x.svg'))
        self.assertEqual(lines(told, 'set logscale'), ['set logscale x', 'set logscale y'])
        self.assertIn("set xtics ('64' 64.0, '1 M' 1000000.0)", told)
        self.assertIn("set xlabel 'tasks'", told)
        self.assertIn("set ylabel 'ns'", told)

    def test_gives_each_value_the_ends_of_its_error_bar_in_order_of_size(self):
        told = draw.script(series((128, 30, 2), (64, 20, 1)), Path('x.svg')).splitlines()
        begin = told.index('$points << END')
        self.assertEqual(told[begin + 1:begin + 3], ['64.0 20.0 19.0 21.0', '128.0 30.0 28.0 32.0'])
        self.assertIn('using 1:3:(0):($4 - $3) with vectors', told[-1])

    def test_shows_a_flat_cost_over_a_factor_of_ten(self):
        told = draw.script(series((1, 1.00, 0.01), (2, 1.02, 0.01)), Path('x.svg'))
        low, high = (float(end) for end in lines(told, 'set yrange')[0].split('[')[1].rstrip(']').split(':'))
        self.assertAlmostEqual(high / low, 10)
        self.assertTrue(low < 0.99 and high > 1.03)

    def test_keeps_a_bar_that_reaches_zero_on_the_logarithmic_axis(self):
        told = draw.script(series((1, 5, 9), (2, 6, 1)), Path('x.svg'))
        self.assertIn('1.0 5.0 0.5 14.0', told)

    def test_has_a_linear_value_axis_where_a_value_is_zero(self):
        told = draw.script(series((1, 0, 0), (2, 6, 1)), Path('x.svg'))
        self.assertEqual(lines(told, 'set logscale'), ['set logscale x'])
        self.assertNotIn('grows with', told)

    def test_quotes_what_gnuplot_would_run(self):
        told = draw.script(series((1, 2, 0), title="it's `date`\nset output"), Path('x.svg'))
        self.assertIn("set title 'it''s `date` set output' ", told)


class Growth(unittest.TestCase):
    def test_is_the_power_of_the_size(self):
        rows = draw.rows_of(series((1, 3, 0), (10, 300, 0), (100, 30_000, 0))['points'])
        self.assertAlmostEqual(draw.growth(rows), 2)

    def test_of_one_size_is_unknown(self):
        self.assertIsNone(draw.growth(draw.rows_of(series((8, 3, 0))['points'])))


class Ticks(unittest.TestCase):
    def test_are_round_and_within_the_axis(self):
        self.assertEqual(draw.ticks(0.15, 6), [0.2, 0.5, 1.0, 2.0, 5.0])
        self.assertEqual(draw.ticks(1, 100_000), [1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0])


class Name(unittest.TestCase):
    def test_never_leads_out_of_the_folder(self):
        with self.assertRaises(ValueError):
            draw.draw(series((1, 2, 0), name='../x'), Path('.'))


if __name__ == '__main__':
    unittest.main()
