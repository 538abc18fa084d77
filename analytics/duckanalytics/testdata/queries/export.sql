SELECT * FROM telemetry WHERE DATE("at") BETWEEN '2026-01-09' and '2026-01-10' ORDER BY timestamp
