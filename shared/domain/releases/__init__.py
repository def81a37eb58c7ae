"""What a release is: its plan, what was measured and judged on its way, and what people answered."""
