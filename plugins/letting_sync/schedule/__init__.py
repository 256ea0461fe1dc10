"""The timetable of every pair's DAG."""
