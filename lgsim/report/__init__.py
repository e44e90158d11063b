"""What people see: text, tables, pictures, traces and JSON, all made from a `RunData`."""
