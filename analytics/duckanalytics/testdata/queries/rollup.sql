SELECT deviceId, sum(humidity) FROM telemetry GROUP BY ROLLUP(deviceId) ORDER BY 1
