"""Raw columns to typed columns of one table: values, ids, groups, anchors."""
