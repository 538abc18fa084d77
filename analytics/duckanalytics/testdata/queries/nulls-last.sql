SELECT deviceId, humidity FROM telemetry ORDER BY humidity DESC, deviceId
