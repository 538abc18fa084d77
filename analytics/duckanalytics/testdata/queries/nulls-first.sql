SELECT deviceId, humidity FROM telemetry ORDER BY humidity NULLS FIRST, deviceId LIMIT 2
