SELECT metadata.attributes.site AS site, count(*) AS n, round(avg(temperature), 2) AS mean FROM telemetry WHERE metadata IS NOT NULL GROUP BY metadata.attributes.site ORDER BY n DESC, site
