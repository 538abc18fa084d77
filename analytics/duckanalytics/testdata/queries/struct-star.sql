SELECT t.* FROM (SELECT deviceId AS Device, temperature * 1.8 + 32 AS F FROM telemetry WHERE temperature > 26) t
