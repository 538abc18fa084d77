SELECT true, 1, 1.5, 1e7, 0.1e0, date '2026-01-10', timestamp '2026-01-10 07:00:00.5', ARRAY[1.5, NULL], X'0aff', interval '90' minute
