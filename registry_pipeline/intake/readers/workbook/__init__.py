"""Spreadsheets to rows: cells through a library, what stands beside them from the workbook's XML."""
