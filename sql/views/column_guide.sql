/*
grain = "One row per column of every table, with its meaning; search it with LIKE."
inputs = ["meta.dictionary"]
*/
SELECT
    schema_name || '.' || table_name AS table_name, column_name, data_type, unit, description, codes
FROM meta.dictionary
ORDER BY schema_name, table_name, position
