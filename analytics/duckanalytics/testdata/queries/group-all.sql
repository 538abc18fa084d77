SELECT deviceId, count(*) FROM telemetry GROUP BY ALL deviceId ORDER BY 1 LIMIT ALL
