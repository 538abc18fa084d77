SELECT * FROM telemetry WHERE __dt > current_date - interval '1' day ORDER BY timestamp LIMIT 2
