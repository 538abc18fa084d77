SELECT sum(humidity) / count(humidity) AS mean, avg(humidity) AS exact FROM telemetry
