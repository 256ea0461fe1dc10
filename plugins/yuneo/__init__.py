"""The ERP Wodis Yuneo: its interface, its fields, its two tasks."""
