SELECT deviceId, AVG(temperature) as avg_temp, MAX(temperature) as max_temp FROM telemetry WHERE __dt >= current_date - interval '7' day GROUP BY deviceId ORDER BY deviceId
