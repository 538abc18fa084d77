SELECT * FROM telemetry ORDER BY timestamp
