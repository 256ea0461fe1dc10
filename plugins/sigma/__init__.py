"""The ERP Wodis Sigma: its interface, its fields, its two tasks."""
