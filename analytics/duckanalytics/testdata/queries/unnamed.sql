SELECT count(*), deviceId, max(humidity) + 1, 'x' FROM telemetry GROUP BY deviceId ORDER BY 2
