-- delta: -5 from_iso8601_timestamp("at")
SELECT deviceId, `at` FROM telemetry ORDER BY 2 DESC
