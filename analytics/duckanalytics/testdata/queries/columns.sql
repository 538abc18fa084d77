SELECT temperature, humidity, timestamp FROM telemetry ORDER BY 3
