-- delta: 0 __dt
-- last: 2026-01-10T00:00:00Z
SELECT count(*) FROM telemetry
