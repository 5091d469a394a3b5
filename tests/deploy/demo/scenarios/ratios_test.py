import math
import unittest

from scenarios.ratios import Ratio, paired_ratio, t_quantile


class PairedRatio(unittest.TestCase):
    def test_is_the_geometric_mean_of_the_pairs(self):
        ratio = paired_ratio([1.0, 4.0], [1.0, 1.0])
        self.assertAlmostEqual(ratio.mean, 2.0)

    def test_has_the_median_which_one_disturbed_pair_does_not_move(self):
        ratio = paired_ratio([2.0, 2.2, 900.0], [1.0, 1.0, 1.0])
        self.assertAlmostEqual(ratio.median, 2.2)
        self.assertGreater(ratio.mean, 10)

    def test_of_the_inverse_is_the_inverse_interval_and_all(self):
        values, baselines = [9.0, 11.0, 10.5], [3.0, 3.3, 2.9]
        there, back = paired_ratio(values, baselines), paired_ratio(baselines, values)
        self.assertAlmostEqual(there.median, 1 / back.median)
        self.assertAlmostEqual(there.mean, 1 / back.mean)
        self.assertAlmostEqual(there.low, 1 / back.high)
        self.assertAlmostEqual(there.high, 1 / back.low)

    def test_has_the_interval_of_student(self):
        # logs 0, 1, 2: mean 1, standard deviation 1, three pairs
        ratio = paired_ratio([1.0, math.e, math.e ** 2], [1.0, 1.0, 1.0])
        half = 4.303 / math.sqrt(3)
        self.assertAlmostEqual(math.log(ratio.low), 1 - half, places=6)
        self.assertAlmostEqual(math.log(ratio.high), 1 + half, places=6)

    def test_ignores_what_moves_both_of_a_pair(self):
        ratio = paired_ratio([10.0, 100.0, 1.0], [5.0, 50.0, 0.5])
        self.assertAlmostEqual(ratio.low, 2.0)
        self.assertAlmostEqual(ratio.high, 2.0)

    def test_of_one_pair_has_no_interval_and_contains_nothing(self):
        ratio = paired_ratio([1.0], [1.0])
        self.assertEqual(ratio, Ratio(1.0, 1.0, None, None))
        self.assertFalse(ratio.contains(1.0))

    def test_needs_positive_values(self):
        self.assertIsNone(paired_ratio([0.0, 1.0], [1.0, 1.0]))
        self.assertIsNone(paired_ratio([], []))

    def test_refuses_what_is_not_paired(self):
        with self.assertRaises(ValueError):
            paired_ratio([1.0], [1.0, 2.0])


class Interval(unittest.TestCase):
    def test_contains_its_bounds(self):
        self.assertTrue(Ratio(1.1, 1.1, 1.0, 1.2).contains(1.0))
        self.assertFalse(Ratio(1.1, 1.1, 1.01, 1.2).contains(1.0))


class TQuantile(unittest.TestCase):
    def test_shrinks_with_the_degrees_of_freedom_and_never_below_the_table(self):
        self.assertAlmostEqual(t_quantile(4), 2.776)
        self.assertEqual(sorted((t_quantile(n) for n in range(1, 31)), reverse=True),
                         [t_quantile(n) for n in range(1, 31)])
        self.assertEqual(t_quantile(500), t_quantile(30))


if __name__ == '__main__':
    unittest.main()
