-- delta: -180 from_unixtime(timestamp)
-- last: 2026-01-10T06:30:00Z
SELECT temperature, humidity, timestamp FROM telemetry ORDER BY timestamp
