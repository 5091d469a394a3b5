import unittest

from scenarios.metrics_text import parse

TEXT = '''# HELP pulsed_polls_total Polls.
# TYPE pulsed_polls_total counter
pulsed_polls_total{service="pulsed-demo",class="demo/lookup"} 20
pulsed_polls_total{service="pulsed-demo",class="demo/report"} 5
pulsed_polls_total{service="other",class="demo/lookup"} 100
pulsed_attaches_total 3
odd{a="x,y=\\"z\\"",b="back\\\\slash"} 1e3 1700000000
wait_bucket{service="s",le="0.001"} 50
wait_bucket{service="s",le="0.01"} 99
wait_bucket{service="s",le="+Inf"} 100
wait_sum{service="s"} 0.5
wait_count{service="s"} 100
'''


class Parsing(unittest.TestCase):
    def setUp(self):
        self.metrics = parse(TEXT)

    def test_sums_what_matches(self):
        self.assertEqual(self.metrics.total('pulsed_polls_total', service='pulsed-demo'), 25)
        self.assertEqual(self.metrics.total('pulsed_polls_total', cls='demo/lookup'), 120)
        self.assertEqual(self.metrics.total('pulsed_attaches_total'), 3)
        self.assertEqual(self.metrics.total('pulsed_polls'), 0)

    def test_reads_escaped_labels_and_timestamps(self):
        sample, = self.metrics.matching('odd')
        self.assertEqual(sample.labels, {'a': 'x,y="z"', 'b': 'back\\slash'})
        self.assertEqual(sample.value, 1000)

    def test_refuses_nonsense_by_line(self):
        with self.assertRaisesRegex(ValueError, 'line 2'):
            parse('fine 1\nnot a sample\n')


class Histograms(unittest.TestCase):
    def setUp(self):
        self.metrics = parse(TEXT)

    def test_a_quantile_is_known_to_its_bucket(self):
        self.assertEqual(self.metrics.quantile_bucket('wait', 0.5, service='s'), (0.0, 0.001))
        self.assertEqual(self.metrics.quantile_bucket('wait', 0.51, service='s'), (0.001, 0.01))
        self.assertEqual(self.metrics.quantile_bucket('wait', 1.0, service='s'), (0.01, float('inf')))
        self.assertIsNone(self.metrics.quantile_bucket('nothing', 0.5))

    def test_what_is_above_a_bound_is_counted_from_the_next_bucket_below(self):
        self.assertEqual(self.metrics.count_above('wait', 0.001), 50)
        self.assertEqual(self.metrics.count_above('wait', 0.005), 50)
        self.assertEqual(self.metrics.count_above('wait', 0.01), 1)
        self.assertIsNone(self.metrics.count_above('wait', 0.0001))


if __name__ == '__main__':
    unittest.main()
