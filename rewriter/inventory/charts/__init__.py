"""What well-known charts make of their values, without rendering: one module or one entry of data a chart."""
