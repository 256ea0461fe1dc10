"""When a pair runs: the timetable of every pair's DAG."""
